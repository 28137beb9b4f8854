#include "engine/local/application_service.h"

#include "engine/local/block_message.h"
#include "proof/report_signature.h"

namespace icws::engine {

// The core is only ever asked about the next height: anything else is an orderer that has lost its place.
grpc::Status ApplicationService::require_next(uint64_t height) const {
  const uint64_t next = host_.info().height.value + 1;
  if (height == next) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION,
          "the next height is " + std::to_string(next) + ", asked for was " + std::to_string(height)};
}

grpc::Status ApplicationService::Info(grpc::ServerContext*, const v1::InfoRequest*,
                                      v1::InfoResponse* response) {
  const auto info = host_.info();
  response->set_height(info.height.value);
  response->set_app_hash(std::string(info.app_hash.view()));
  response->set_chain_id(chain_id_);
  for (const ReplicaIndex member : host_.replica_set(info.height.next()).indices())
    response->add_next_members(member.value);
  return grpc::Status::OK;
}

grpc::Status ApplicationService::PrepareProposal(grpc::ServerContext*,
                                                 const v1::PrepareProposalRequest* request,
                                                 v1::PrepareProposalResponse* response) {
  if (const auto status = require_next(request->height()); !status.ok()) return status;
  replica::ProposalRequest proposal;
  proposal.height = Height(request->height());
  proposal.time = BlockTime(Milliseconds(static_cast<int64_t>(request->time_ms())));
  for (const auto& report : request->reports()) proposal.reports.push_back(from_message(report));
  proposal.transactions.assign(request->transactions().begin(), request->transactions().end());
  auto prepared = host_.prepare_proposal(proposal);
  response->set_payload(std::move(prepared.payload));
  for (const auto& pruned : prepared.pruned) {
    auto& added = *response->add_pruned();
    added.set_member(pruned.member.value);
    to_message(pruned.rejection, *added.mutable_rejection());
  }
  return grpc::Status::OK;
}

grpc::Status ApplicationService::ProcessProposal(grpc::ServerContext*,
                                                 const v1::ProcessProposalRequest* request,
                                                 v1::ProcessProposalResponse* response) {
  if (const auto status = require_next(request->block().height()); !status.ok()) return status;
  const auto verdict = host_.process_proposal(from_message(request->block()));
  if (!verdict) to_message(verdict.error(), *response->mutable_rejection());
  return grpc::Status::OK;
}

grpc::Status ApplicationService::ExtendVote(grpc::ServerContext*, const v1::ExtendVoteRequest* request,
                                            v1::ExtendVoteResponse* response) {
  if (const auto status = require_next(request->height()); !status.ok()) return status;
  const Height height(request->height());
  replica::SignedReport report{self_, height, host_.extend_vote(height), {}};
  report.signature = host_.sign(height, proof::local_sign_bytes(chain_id_, height, report.report));
  to_message(report, *response->mutable_report());
  return grpc::Status::OK;
}

grpc::Status ApplicationService::FinalizeAndCommit(grpc::ServerContext*,
                                                   const v1::FinalizeAndCommitRequest* request,
                                                   v1::FinalizeAndCommitResponse* response) {
  const auto result = host_.finalize_and_commit(from_message(request->block()));
  if (!result) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            "height " + std::to_string(request->block().height()) + " is not the next one"};
  }
  response->set_app_hash(std::string(result->app_hash.view()));
  const Height next(request->block().height() + 1);
  for (const ReplicaIndex member : host_.replica_set(next).indices())
    response->add_next_members(member.value);
  return grpc::Status::OK;
}

grpc::Status ApplicationService::AgreedHash(grpc::ServerContext*, const v1::AgreedHashRequest* request,
                                            v1::AgreedHashResponse*) {
  const auto hash = Digest::from(request->app_hash());
  if (!hash) return {grpc::StatusCode::INVALID_ARGUMENT, "an app hash has 32 bytes"};
  host_.on_agreed_hash(Height(request->height()), *hash);
  return grpc::Status::OK;
}

grpc::Status ApplicationService::PendingTransactions(grpc::ServerContext*,
                                                     const v1::PendingTransactionsRequest* request,
                                                     v1::PendingTransactionsResponse* response) {
  for (auto& transaction : host_.pending_transactions(request->bytes_max())) {
    response->add_transactions(std::move(transaction));
  }
  return grpc::Status::OK;
}

}  // namespace icws::engine
