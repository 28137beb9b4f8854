// icws.engine.v1.LocalApplication for one replica: the orderer's calls, handed to the host.
#pragma once

#include <string>

#include "engine/host/replica_host.h"
#include "icws/engine/v1/engine.grpc.pb.h"

namespace icws::engine {

// Bytes of one gRPC message between orderer and replica: 2 MiB of contents, 40 reports and 4 MiB of
// transactions fit.
inline constexpr int kEngineMessageBytesMax = 16 * 1024 * 1024;

// What: see above; has the host sign this replica's reports. Thread-safety: all methods from any thread
// (gRPC's). Ownership: the host outlives it. Errors: gRPC statuses; a refused proposal is an answer.
class ApplicationService final : public v1::LocalApplication::Service {
 public:
  ApplicationService(ReplicaHost& host, std::string chain_id, ReplicaIndex self)
      : host_(host), chain_id_(std::move(chain_id)), self_(self) {}

  grpc::Status Info(grpc::ServerContext* context, const v1::InfoRequest* request,
                    v1::InfoResponse* response) override;
  grpc::Status PrepareProposal(grpc::ServerContext* context, const v1::PrepareProposalRequest* request,
                               v1::PrepareProposalResponse* response) override;
  grpc::Status ProcessProposal(grpc::ServerContext* context, const v1::ProcessProposalRequest* request,
                               v1::ProcessProposalResponse* response) override;
  grpc::Status ExtendVote(grpc::ServerContext* context, const v1::ExtendVoteRequest* request,
                          v1::ExtendVoteResponse* response) override;
  grpc::Status FinalizeAndCommit(grpc::ServerContext* context, const v1::FinalizeAndCommitRequest* request,
                                 v1::FinalizeAndCommitResponse* response) override;
  grpc::Status AgreedHash(grpc::ServerContext* context, const v1::AgreedHashRequest* request,
                          v1::AgreedHashResponse* response) override;
  grpc::Status PendingTransactions(grpc::ServerContext* context,
                                   const v1::PendingTransactionsRequest* request,
                                   v1::PendingTransactionsResponse* response) override;

 private:
  grpc::Status require_next(uint64_t height) const;

  ReplicaHost& host_;
  const std::string chain_id_;
  const ReplicaIndex self_;
};

}  // namespace icws::engine
