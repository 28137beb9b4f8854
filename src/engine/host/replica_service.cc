#include "engine/host/replica_service.h"

#include <openssl/rand.h>

#include <algorithm>

#include "engine/host/entry_message.h"
#include "proof/verify.h"
#include "replica/membership.h"

namespace icws::engine {
namespace {

namespace v1 = replica::v1;

constexpr Milliseconds kDefaultPatience{30'000};
constexpr Milliseconds kPatienceMax{300'000};
// How often a waiting stream looks whether its client is still there.
constexpr Milliseconds kFollowPause{500};
constexpr size_t kFollowEntriesMax = 256;
constexpr size_t kFollowBytesMax = 1024 * 1024;
// Of a certificate, in one message.
constexpr size_t kExportBytesMax = 1024 * 1024;

Milliseconds patience_of(const grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return kDefaultPatience;
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::system_clock::now());
  return std::clamp(left, Milliseconds(0), kPatienceMax);
}

Bytes random_nonce() {
  Bytes nonce(16, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size())) != 1)
    return {};
  return nonce;
}

grpc::Status status_of(SubmissionError error) {
  switch (error) {
    case SubmissionError::Full:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls wait for a block; try again"};
    case SubmissionError::Duplicate:
      return {grpc::StatusCode::ALREADY_EXISTS, "the very same call waits already"};
    case SubmissionError::TimedOut:
      return {grpc::StatusCode::DEADLINE_EXCEEDED, "no block took the call in time; it may run later"};
    case SubmissionError::Stopping:
      return {grpc::StatusCode::UNAVAILABLE, "the replica is stopping"};
  }
  return {grpc::StatusCode::INTERNAL, "unknown submission error"};
}

// The value below which `percent` of the sorted values lie.
uint32_t percentile(const std::vector<uint32_t>& sorted, size_t percent) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

}  // namespace

grpc::Status ReplicaService::SubmitCall(grpc::ServerContext* context, const v1::SubmitCallRequest* request,
                                        v1::SubmitCallResponse* response) {
  if (request->canister().empty() || request->method().empty()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "canister and method must not be empty"};
  }
  replica::UserCall call{random_nonce(), request->canister(), request->method(), request->arguments()};
  if (call.nonce.empty()) return {grpc::StatusCode::INTERNAL, "no random numbers"};
  Bytes transaction = replica::encode_user_call(call);
  if (transaction.size() > config_.transaction_bytes_max) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            "the call has " + std::to_string(transaction.size()) + " bytes, at most " +
                std::to_string(config_.transaction_bytes_max) + " are allowed"};
  }
  const auto outcome = host_.submit(std::move(transaction), patience_of(*context));
  if (!outcome) return status_of(outcome.error());
  response->set_ok(outcome->result.ok);
  response->set_reply(outcome->result.reply);
  response->set_height(outcome->height.value);
  return grpc::Status::OK;
}

grpc::Status ReplicaService::Query(grpc::ServerContext*, const v1::QueryRequest* request,
                                   v1::QueryResponse* response) {
  const auto reply = host_.query(request->canister(), request->method(), request->arguments());
  response->set_ok(reply.has_value());
  response->set_reply(reply ? *reply : reply.error().message);
  return grpc::Status::OK;
}

grpc::Status ReplicaService::ListConnections(grpc::ServerContext*, const v1::ListConnectionsRequest*,
                                             v1::ListConnectionsResponse* response) {
  response->set_height(host_.info().height.value);
  for (const auto& view : host_.connections()) to_message(view, *response->add_connections());
  return grpc::Status::OK;
}

grpc::Status ReplicaService::ListCanisters(grpc::ServerContext*, const v1::ListCanistersRequest*,
                                           v1::ListCanistersResponse* response) {
  for (const auto& view : host_.canisters()) to_message(view, *response->add_canisters());
  return grpc::Status::OK;
}

grpc::Status ReplicaService::FollowTranscript(grpc::ServerContext* context,
                                              const v1::FollowTranscriptRequest* request,
                                              grpc::ServerWriter<v1::FollowTranscriptResponse>* writer) {
  const ConnectionId connection(request->connection_id());
  const auto views = host_.connections();
  if (std::ranges::none_of(views, [&](const auto& view) { return view.id == connection; })) {
    return {grpc::StatusCode::NOT_FOUND, "there is no connection " + std::to_string(connection.value)};
  }
  if (followers_.fetch_add(1) >= config_.followers_max) {
    followers_.fetch_sub(1);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many transcripts are being followed"};
  }
  const auto status =
      follow(*context, connection, EntrySequence(std::max<uint64_t>(1, request->from())), *writer);
  followers_.fetch_sub(1);
  return status;
}

grpc::Status ReplicaService::follow(grpc::ServerContext& context, ConnectionId connection, EntrySequence from,
                                    grpc::ServerWriter<v1::FollowTranscriptResponse>& writer) {
  while (!context.IsCancelled() && !host_.stopping()) {
    const Height height = host_.info().height;
    const auto entries = host_.transcript(connection, from, kFollowEntriesMax);
    if (entries.empty()) {
      host_.wait_for_commit(height, kFollowPause);
      continue;
    }
    v1::FollowTranscriptResponse response;
    size_t bytes = 0;
    for (const auto& entry : entries) {
      if (bytes > kFollowBytesMax) {
        if (!writer.Write(response)) return grpc::Status::CANCELLED;
        response.Clear();
        bytes = 0;
      }
      to_message(entry, *response.add_entries());
      bytes += response.entries().rbegin()->ByteSizeLong();
      from = entry.sequence.next();
    }
    if (!writer.Write(response)) return grpc::Status::CANCELLED;
  }
  if (host_.stopping()) return {grpc::StatusCode::UNAVAILABLE, "the replica is stopping"};
  return grpc::Status::CANCELLED;
}

std::expected<proof::Certificate, grpc::Status> ReplicaService::certify(
    grpc::ServerContext& context, const v1::ExportTranscriptRequest& request) {
  const ConnectionId connection(request.connection_id());
  const EntrySequence first(std::max<uint64_t>(1, request.from()));
  const auto deadline = std::chrono::steady_clock::now() + patience_of(context);
  const auto late = [&] { return std::chrono::steady_clock::now() >= deadline || context.IsCancelled(); };
  while (!late() && !host_.stopping()) {
    const Height now = host_.info().height;
    auto out = host_.prove(connection, first, EntrySequence(request.to()));
    if (!out && !out.error().try_again)
      return std::unexpected(grpc::Status(grpc::StatusCode::NOT_FOUND, out.error().message));
    if (!out) {
      host_.wait_for_commit(now, kFollowPause);
      continue;
    }
    out->scheme = config_.signature_scheme;
    // The reports stand in the block after their own height.
    while (host_.info().height <= out->height && !late() && !host_.stopping())
      host_.wait_for_commit(out->height, kFollowPause);
    out->reports = host_.reports_of(out->height);
    const auto verified = proof::verify(*out, {config_.chain_id, config_.genesis});
    if (verified) return std::move(*out);
    // A block without enough reports, or so late that they are not in force any more: once more, with newer
    // ones.
    if (verified.error().kind != proof::FaultKind::TooFewReports)
      return std::unexpected(grpc::Status(grpc::StatusCode::INTERNAL, verified.error().message));
  }
  if (host_.stopping())
    return std::unexpected(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the replica is stopping"));
  return std::unexpected(
      grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no block brought enough reports in time"));
}

grpc::Status ReplicaService::ExportTranscript(grpc::ServerContext* context,
                                              const v1::ExportTranscriptRequest* request,
                                              grpc::ServerWriter<v1::ExportTranscriptResponse>* writer) {
  if (exporters_.fetch_add(1) >= config_.exporters_max) {
    exporters_.fetch_sub(1);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many certificates are being made"};
  }
  const auto certificate = certify(*context, *request);
  grpc::Status status = certificate ? grpc::Status::OK : certificate.error();
  if (certificate) {
    const Bytes bytes = proof::encode_certificate(*certificate);
    for (size_t at = 0; at < bytes.size() && status.ok(); at += kExportBytesMax) {
      v1::ExportTranscriptResponse response;
      response.set_bytes(bytes.substr(at, kExportBytesMax));
      if (!writer->Write(response)) status = {grpc::StatusCode::CANCELLED, "the client went away"};
    }
  }
  exporters_.fetch_sub(1);
  return status;
}

grpc::Status ReplicaService::ListReplicas(grpc::ServerContext*, const v1::ListReplicasRequest*,
                                          v1::ListReplicasResponse* response) {
  response->set_chain_id(config_.chain_id);
  response->set_height(host_.info().height.value);
  for (const agreement::ReplicaSet& set : host_.replica_sets()) {
    auto& out = *response->add_sets();
    out.set_version(set.version);
    out.set_active_from(set.active_from.value);
    out.set_next_index(set.next_index.value);
    for (const agreement::ReplicaKey& member : set.members) {
      auto& added = *out.add_members();
      added.set_index(member.index.value);
      added.set_public_key(member.public_key);
    }
  }
  return grpc::Status::OK;
}

grpc::Status ReplicaService::ChangeReplicas(grpc::ServerContext* context,
                                            const v1::ChangeReplicasRequest* request,
                                            v1::ChangeReplicasResponse* response) {
  Bytes transaction = request->transaction();
  if (!replica::decode_set_change(transaction))
    return {grpc::StatusCode::INVALID_ARGUMENT, "this is no signed change of the replica set"};
  const auto outcome = host_.submit(std::move(transaction), patience_of(*context));
  if (!outcome) return status_of(outcome.error());
  response->set_ok(outcome->result.ok);
  response->set_reply(outcome->result.reply);
  response->set_height(outcome->height.value);
  return grpc::Status::OK;
}

grpc::Status ReplicaService::Status(grpc::ServerContext*, const v1::StatusRequest*,
                                    v1::StatusResponse* response) {
  auto metrics = host_.metrics();
  std::ranges::sort(metrics.latencies_ms);
  response->set_chain_id(config_.chain_id);
  response->set_replica(config_.self.value);
  const agreement::ReplicaSet set = host_.replica_sets().front();
  response->set_replicas(set.quorum().n);
  response->set_member(set.find(config_.self) != nullptr);
  response->set_replica_set_version(set.version);
  response->set_height(metrics.height.value);
  response->set_app_hash(std::string(metrics.app_hash.view()));
  response->set_entries_agreed(metrics.entries_agreed);
  response->set_latency_p50_ms(percentile(metrics.latencies_ms, 50));
  response->set_latency_p99_ms(percentile(metrics.latencies_ms, 99));
  response->set_latency_samples(static_cast<uint32_t>(metrics.latencies_ms.size()));
  response->set_last_report_bytes(metrics.last_report_bytes);
  response->set_reports_pruned(metrics.reports_pruned);
  response->set_traps(metrics.traps);
  response->set_events_received(metrics.events_received);
  response->set_events_absorbed(metrics.events_absorbed);
  response->set_events_dropped(metrics.events_dropped);
  for (const auto& rejection : metrics.rejections) response->add_rejections(rejection);
  response->set_adapter_connected(host_.adapter_connected());
  response->set_reports_refused(host_.rejections_noted());
  response->set_calls_waiting(host_.calls_waiting());
  return grpc::Status::OK;
}

}  // namespace icws::engine
