// icws.replica.v1 for one replica.
#pragma once

#include <atomic>
#include <expected>
#include <string>

#include "engine/host/replica_host.h"
#include "icws/replica/v1/replica.grpc.pb.h"

namespace icws::engine {

struct ReplicaServiceConfig {
  std::string chain_id;
  ReplicaIndex self;
  // Of one transaction.
  uint32_t transaction_bytes_max = 0;
  // FollowTranscript streams at a time: each holds a thread of the server.
  uint32_t followers_max = 64;
  // ExportTranscript at a time: each may hold a certificate of proof::kCertificateBytesMax, twice while it is
  // encoded.
  uint32_t exporters_max = 4;
  // What certificates are checked against, and how the engine signs reports.
  agreement::ReplicaSet genesis;
  proof::SignatureScheme signature_scheme = proof::SignatureScheme::Local;
};

// What: the users' and operators' interface. Thread-safety: all methods from any thread (gRPC's).
// Ownership: the host outlives it. Errors: gRPC statuses, as the .proto says.
class ReplicaService final : public replica::v1::Replica::Service {
 public:
  ReplicaService(ReplicaHost& host, ReplicaServiceConfig config) : host_(host), config_(std::move(config)) {}

  grpc::Status SubmitCall(grpc::ServerContext* context, const replica::v1::SubmitCallRequest* request,
                          replica::v1::SubmitCallResponse* response) override;
  grpc::Status Query(grpc::ServerContext* context, const replica::v1::QueryRequest* request,
                     replica::v1::QueryResponse* response) override;
  grpc::Status ListConnections(grpc::ServerContext* context,
                               const replica::v1::ListConnectionsRequest* request,
                               replica::v1::ListConnectionsResponse* response) override;
  grpc::Status ListCanisters(grpc::ServerContext* context, const replica::v1::ListCanistersRequest* request,
                             replica::v1::ListCanistersResponse* response) override;
  grpc::Status FollowTranscript(grpc::ServerContext* context,
                                const replica::v1::FollowTranscriptRequest* request,
                                grpc::ServerWriter<replica::v1::FollowTranscriptResponse>* writer) override;
  grpc::Status ExportTranscript(grpc::ServerContext* context,
                                const replica::v1::ExportTranscriptRequest* request,
                                grpc::ServerWriter<replica::v1::ExportTranscriptResponse>* writer) override;
  grpc::Status ListReplicas(grpc::ServerContext* context, const replica::v1::ListReplicasRequest* request,
                            replica::v1::ListReplicasResponse* response) override;
  grpc::Status ChangeReplicas(grpc::ServerContext* context, const replica::v1::ChangeReplicasRequest* request,
                              replica::v1::ChangeReplicasResponse* response) override;
  grpc::Status Status(grpc::ServerContext* context, const replica::v1::StatusRequest* request,
                      replica::v1::StatusResponse* response) override;

 private:
  grpc::Status follow(grpc::ServerContext& context, ConnectionId connection, EntrySequence from,
                      grpc::ServerWriter<replica::v1::FollowTranscriptResponse>& writer);
  // A certificate that holds, once its reports are there.
  std::expected<proof::Certificate, grpc::Status> certify(
      grpc::ServerContext& context, const replica::v1::ExportTranscriptRequest& request);

  ReplicaHost& host_;
  const ReplicaServiceConfig config_;
  std::atomic<uint32_t> followers_{0};
  std::atomic<uint32_t> exporters_{0};
};

}  // namespace icws::engine
