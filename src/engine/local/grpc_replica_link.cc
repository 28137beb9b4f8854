#include "engine/local/grpc_replica_link.h"

#include <grpcpp/grpcpp.h>

#include "engine/local/application_service.h"
#include "engine/local/block_message.h"
#include "icws/engine/v1/engine.grpc.pb.h"

namespace icws::engine {
namespace {

std::shared_ptr<grpc::Channel> open_channel(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kEngineMessageBytesMax);
  arguments.SetMaxSendMessageSize(kEngineMessageBytesMax);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

Answer<Standpoint> standpoint(Height height, const auto& response) {
  const auto hash = Digest::from(response.app_hash());
  if (!hash) return std::unexpected(LinkFailure{"its app hash has not 32 bytes"});
  Standpoint out{height, *hash, {}};
  for (const uint32_t member : response.next_members()) out.next_members.emplace_back(member);
  return out;
}

class GrpcReplicaLink final : public ReplicaLink {
 public:
  GrpcReplicaLink(std::string socket, std::string chain_id)
      : socket_(std::move(socket)), chain_id_(std::move(chain_id)) {}

  Answer<Standpoint> info(Milliseconds timeout) override {
    const auto response =
        call<v1::InfoResponse>(&v1::LocalApplication::Stub::Info, v1::InfoRequest(), timeout);
    if (!response) return std::unexpected(response.error());
    if (response->chain_id() != chain_id_) {
      return std::unexpected(LinkFailure{"it belongs to the chain " + response->chain_id()});
    }
    return standpoint(Height(response->height()), *response);
  }

  Answer<Proposal> prepare_proposal(const replica::ProposalRequest& request, Milliseconds timeout) override {
    v1::PrepareProposalRequest message;
    message.set_height(request.height.value);
    message.set_time_ms(static_cast<uint64_t>(request.time.time_since_epoch().count()));
    for (const auto& report : request.reports) to_message(report, *message.add_reports());
    for (const auto& transaction : request.transactions) message.add_transactions(transaction);
    auto response =
        call<v1::PrepareProposalResponse>(&v1::LocalApplication::Stub::PrepareProposal, message, timeout);
    if (!response) return std::unexpected(response.error());
    Proposal out;
    out.payload = std::move(*response->mutable_payload());
    for (const auto& pruned : response->pruned()) {
      out.pruned.push_back({ReplicaIndex(pruned.member()), from_message(pruned.rejection())});
    }
    return out;
  }

  Answer<std::expected<void, replica::Rejection>> process_proposal(const replica::Block& block,
                                                                   Milliseconds timeout) override {
    v1::ProcessProposalRequest message;
    to_message(block, *message.mutable_block());
    const auto response =
        call<v1::ProcessProposalResponse>(&v1::LocalApplication::Stub::ProcessProposal, message, timeout);
    if (!response) return std::unexpected(response.error());
    std::expected<void, replica::Rejection> verdict;
    if (response->has_rejection()) verdict = std::unexpected(from_message(response->rejection()));
    return verdict;
  }

  Answer<replica::SignedReport> extend_vote(Height height, Milliseconds timeout) override {
    v1::ExtendVoteRequest message;
    message.set_height(height.value);
    const auto response =
        call<v1::ExtendVoteResponse>(&v1::LocalApplication::Stub::ExtendVote, message, timeout);
    if (!response) return std::unexpected(response.error());
    return from_message(response->report());
  }

  Answer<Standpoint> finalize_and_commit(const replica::Block& block, Milliseconds timeout) override {
    v1::FinalizeAndCommitRequest message;
    to_message(block, *message.mutable_block());
    const auto response =
        call<v1::FinalizeAndCommitResponse>(&v1::LocalApplication::Stub::FinalizeAndCommit, message, timeout);
    if (!response) return std::unexpected(response.error());
    return standpoint(block.height, *response);
  }

  Answer<void> agreed_hash(Height height, const Digest& hash, Milliseconds timeout) override {
    v1::AgreedHashRequest message;
    message.set_height(height.value);
    message.set_app_hash(std::string(hash.view()));
    const auto response =
        call<v1::AgreedHashResponse>(&v1::LocalApplication::Stub::AgreedHash, message, timeout);
    if (!response) return std::unexpected(response.error());
    return {};
  }

  Answer<std::vector<Bytes>> pending_transactions(uint64_t bytes_max, Milliseconds timeout) override {
    v1::PendingTransactionsRequest message;
    message.set_bytes_max(bytes_max);
    const auto response = call<v1::PendingTransactionsResponse>(
        &v1::LocalApplication::Stub::PendingTransactions, message, timeout);
    if (!response) return std::unexpected(response.error());
    return std::vector<Bytes>(response->transactions().begin(), response->transactions().end());
  }

 private:
  template <class Response, class Request>
  Answer<Response> call(grpc::Status (v1::LocalApplication::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&, Response*),
                        const Request& request, Milliseconds timeout) {
    if (!stub_) stub_ = v1::LocalApplication::NewStub(open_channel(socket_));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    Response response;
    const auto status = (stub_.get()->*method)(&context, request, &response);
    if (status.ok()) return response;
    // A channel that has failed looks for the peer again only while somebody waits on it, which fail-fast
    // calls do not: it would miss a restarted replica for seconds. A new channel connects at once.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) stub_.reset();
    return std::unexpected(LinkFailure{status.error_message()});
  }

  const std::string socket_;
  const std::string chain_id_;
  std::unique_ptr<v1::LocalApplication::Stub> stub_;
};

}  // namespace

std::unique_ptr<ReplicaLink> make_grpc_replica_link(const std::string& socket, const std::string& chain_id) {
  return std::make_unique<GrpcReplicaLink>(socket, chain_id);
}

}  // namespace icws::engine
