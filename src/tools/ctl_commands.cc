#include "tools/ctl_commands.h"

#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/archive.h"
#include "tools/exit_status.h"
#include "tools/mode_name.h"
#include "tools/terminal_text.h"
#include "transcript/entry.h"

namespace icws::tools {
namespace {

namespace v1 = replica::v1;

std::string describe(const v1::Opened& opened) {
  std::string out = "opened";
  if (opened.has_owner()) out += "  by replica " + std::to_string(opened.owner().member());
  if (!opened.subprotocol().empty()) out += "  subprotocol " + terminal_text(opened.subprotocol());
  for (const auto& header : opened.headers()) {
    out += "  " + terminal_text(header.name()) + ": " + terminal_text(header.value());
  }
  return out;
}

std::string describe(const v1::Message& message) {
  std::string key = message.key().empty() ? "" : terminal_text(message.key()) + "  ";
  if (message.parts() > 1)
    key += "part " + std::to_string(message.part()) + " of " + std::to_string(message.parts()) + "  ";
  if (message.binary()) return "binary  " + key + to_hex(message.content());
  return "text  " + key + terminal_text(message.content());
}

std::string describe(const v1::Closed& closed) {
  std::string out = (closed.was_open() ? "closed  " : "open failed  ") + std::to_string(closed.code()) +
                    "  " + closed.cause();
  if (!closed.reason().empty()) out += "  \"" + terminal_text(closed.reason()) + "\"";
  out += "  " + closed.message();
  for (const auto& claim : closed.evidence()) {
    out += "\n    replica " + std::to_string(claim.member()) + " claimed " +
           (claim.head().empty() ? "to have left the chain" : to_hex(claim.head())) +
           " in its report of height " + std::to_string(claim.height());
  }
  return out + (closed.reconnecting() ? "  (opens again)" : "");
}

std::string describe(const v1::Reading& reading) {
  std::string out = "reading  " + terminal_text(reading.key()) + "  ";
  if (!reading.median().empty()) out += "median " + terminal_text(reading.median()) + "  ";
  for (const auto& value : reading.values()) {
    out += std::to_string(value.member()) + ": " + terminal_text(value.value()) + "  ";
  }
  out += "of " + std::to_string(reading.responses()) + "/" + std::to_string(reading.members());
  if (reading.skipped() > 0) out += "  after " + std::to_string(reading.skipped()) + " skipped intervals";
  return out;
}

std::string describe(const v1::Sent& sent) {
  std::string out =
      "written  " + std::to_string(sent.first()) + " to " + std::to_string(sent.last()) + " by replicas";
  for (const uint32_t writer : sent.writers()) out += " " + std::to_string(writer);
  return out;
}

std::string_view fault_text(uint32_t fault) {
  switch (static_cast<transcript::TransformFault>(fault)) {
    case transcript::TransformFault::Trapped:
      return "it trapped";
    case transcript::TransformFault::OverBudget:
      return "it took too many steps";
    case transcript::TransformFault::ContentTooLarge:
      return "its content is too large";
    case transcript::TransformFault::KeyTooLarge:
      return "its key is too large";
    case transcript::TransformFault::NotUtf8:
      return "its text or key is not UTF-8";
  }
  return "for a reason that this program does not know";
}

std::string describe(const v1::TranscriptEntry& entry) {
  switch (entry.what_case()) {
    case v1::TranscriptEntry::kOpened:
      return describe(entry.opened());
    case v1::TranscriptEntry::kMessage:
      return describe(entry.message());
    case v1::TranscriptEntry::kHandover:
      return "handover  from replica " + std::to_string(entry.handover().from()) + " to " +
             std::to_string(entry.handover().to()) + "  " + entry.handover().cause();
    case v1::TranscriptEntry::kReading:
      return describe(entry.reading());
    case v1::TranscriptEntry::kGap:
      return "gap  " + std::to_string(entry.gap().count()) + " messages of key " +
             to_hex(entry.gap().key_hash()) +
             (entry.gap().dropped() > 0 ? ", " + std::to_string(entry.gap().dropped()) + " of them dropped"
                                        : "");
    case v1::TranscriptEntry::kTransformFailure:
      return "transform failed  " + std::string(fault_text(entry.transform_failure().fault()));
    case v1::TranscriptEntry::kClosed:
      return describe(entry.closed());
    case v1::TranscriptEntry::kSent:
      return describe(entry.sent());
    case v1::TranscriptEntry::WHAT_NOT_SET:
      break;
  }
  return "an entry that this program does not know";
}

template <class Response>
int print_reply(const Response& response) {
  if (response.ok()) {
    std::cout << response.reply() << "\n";
    return kExitOk;
  }
  std::cerr << "icwsctl: rejected: " << terminal_text(response.reply()) << "\n";
  return kExitRejected;
}

}  // namespace

Control::Control(std::string socket, Milliseconds timeout)
    : socket_(std::move(socket)), timeout_(timeout), client_(socket_) {}

int Control::failed(const grpc::Status& status) const {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      std::cerr << "icwsctl: cannot reach a replica at " << socket_ << ": is the subnet running?\n";
      return kExitUnreachable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      std::cerr << "icwsctl: no answer within " << timeout_.count() << " ms from " << socket_
                << "; a call may still run later\n";
      return kExitUnreachable;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
      std::cerr << "icwsctl: " << terminal_text(status.error_message()) << "\n";
      return kExitUsage;
    default:
      std::cerr << "icwsctl: " << terminal_text(status.error_message()) << "\n";
      return kExitFailure;
  }
}

int Control::status() {
  const auto answer = client_.status(timeout_);
  if (!answer) return failed(answer.error());
  TextTable table;
  table.row({"chain", answer->chain_id()});
  table.row({"replica", std::to_string(answer->replica()) + " of " + std::to_string(answer->replicas())});
  table.row({"replica set", "version " + std::to_string(answer->replica_set_version()) +
                                (answer->member() ? "" : ", of which this replica is NO MEMBER")});
  table.row({"height", std::to_string(answer->height())});
  table.row({"app hash", to_hex(answer->app_hash())});
  table.row({"adapter", answer->adapter_connected() ? "connected" : "not connected"});
  table.row({"entries agreed", std::to_string(answer->entries_agreed())});
  table.row({"latency", "p50 " + std::to_string(answer->latency_p50_ms()) + " ms, p99 " +
                            std::to_string(answer->latency_p99_ms()) + " ms (" +
                            std::to_string(answer->latency_samples()) + " messages)"});
  table.row({"last report", std::to_string(answer->last_report_bytes()) + " bytes"});
  table.row({"reports pruned", std::to_string(answer->reports_pruned())});
  table.row({"traps", std::to_string(answer->traps())});
  table.row({"adapter events", std::to_string(answer->events_received()) + " received, " +
                                   std::to_string(answer->events_absorbed()) + " absorbed, " +
                                   std::to_string(answer->events_dropped()) + " dropped"});
  table.row({"calls waiting", std::to_string(answer->calls_waiting())});
  std::cout << table.format();
  for (const auto& rejection : answer->rejections())
    std::cout << "refused: " << terminal_text(rejection) << "\n";
  return kExitOk;
}

int Control::connections() {
  const auto answer = client_.connections(timeout_);
  if (!answer) return failed(answer.error());
  TextTable table;
  table.row({"id", "canister", "mode", "state", "cause", "epoch", "position", "entries", "messages", "gaps",
             "cycles", "live", "head", "socket", "url"});
  for (const auto& c : answer->connections()) {
    table.row({std::to_string(c.connection_id()), c.canister(), mode_name(c.mode()), c.state(),
               c.cause().empty() ? "-" : c.cause(), std::to_string(c.epoch()), std::to_string(c.position()),
               std::to_string(c.entries()), std::to_string(c.messages()), std::to_string(c.gaps()),
               std::to_string(c.usage().cycles()),
               std::to_string(c.replicas_live()) + "/" + std::to_string(c.replicas_needed()),
               to_hex(c.head()).substr(0, 16), c.socket(), terminal_text(c.url(), 80)});
  }
  std::cout << "height " << answer->height() << "\n" << table.format();
  return kExitOk;
}

int Control::canisters() {
  const auto answer = client_.canisters(timeout_);
  if (!answer) return failed(answer.error());
  TextTable table;
  table.row({"canister", "code", "state", "cycles", "paid", "opens", "open time", "messages", "bytes",
             "sends", "sent bytes"});
  for (const auto& c : answer->canisters()) {
    const auto& usage = c.usage();
    table.row({c.id(), c.code(), c.state(), std::to_string(c.balance()), std::to_string(usage.cycles()),
               std::to_string(usage.opens()), std::to_string(usage.open_time_ms()) + " ms",
               std::to_string(usage.messages()), std::to_string(usage.bytes()), std::to_string(usage.sends()),
               std::to_string(usage.send_bytes())});
  }
  std::cout << table.format();
  return kExitOk;
}

int Control::manage(std::string_view method, const replica::ManagementArguments& arguments) {
  return call(CallArguments{std::string(replica::kManagementCanister), std::string(method),
                            archive_encode(arguments)});
}

int Control::call(const CallArguments& arguments) {
  const auto answer = client_.call(arguments.canister, arguments.method, arguments.arguments, timeout_);
  if (!answer) return failed(answer.error());
  return print_reply(*answer);
}

int Control::query(const CallArguments& arguments) {
  const auto answer = client_.query(arguments.canister, arguments.method, arguments.arguments, timeout_);
  if (!answer) return failed(answer.error());
  return print_reply(*answer);
}

int Control::follow(const FollowArguments& arguments) {
  uint64_t left = arguments.count;
  const auto status =
      client_.follow(arguments.connection, arguments.from, [&](const v1::TranscriptEntry& entry) {
        std::cout << entry.sequence() << "  epoch " << entry.epoch() << "  block " << entry.height() << "  "
                  << describe(entry) << std::endl;
        return arguments.count == 0 || --left > 0;
      });
  return status.ok() ? kExitOk : failed(status);
}

int Control::export_transcript(const ExportArguments& arguments) {
  const auto answer = client_.export_transcript(arguments.connection, arguments.from, arguments.to, timeout_);
  if (!answer) return failed(answer.error());
  const std::filesystem::path fresh = arguments.output + ".new";
  std::ofstream file(fresh, std::ios::binary);
  file.write(answer->data(), static_cast<std::streamsize>(answer->size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(fresh, arguments.output, error);
  if (!file || error) {
    std::cerr << "icwsctl: " << arguments.output << " cannot be written\n";
    return kExitUsage;
  }
  std::cout << arguments.output << ": " << answer->size() << " bytes\n"
            << "next: icwsctl transcript verify " << arguments.output << " --cluster CLUSTER_FILE\n";
  return kExitOk;
}

}  // namespace icws::tools
