#include "tools/cluster_file.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <span>
#include <variant>

#include "tools/key_file.h"

namespace icws::tools {
namespace {

namespace json = boost::json;
using agreement::AgreementParams;
using replica::ClusterParams;
using replica::PriceParams;

constexpr size_t kReplicasMax = 40;
constexpr size_t kChainIdMax = 50;
constexpr size_t kPublicKeyBytes = 32;

template <class Params>
struct Field {
  std::string_view name;
  std::variant<uint32_t Params::*, uint64_t Params::*, Milliseconds Params::*> member;
};

constexpr Field<ClusterParams> kParams[] = {
    {"report_bytes_max", &ClusterParams::report_bytes_max},
    {"block_content_bytes_max", &ClusterParams::block_content_bytes_max},
    {"message_bytes_max", &ClusterParams::message_bytes_max},
    {"connections_max", &ClusterParams::connections_max},
    {"connections_per_canister_max", &ClusterParams::connections_per_canister_max},
    {"inbox_bytes_max", &ClusterParams::inbox_bytes_max},
    {"outbox_bytes_max", &ClusterParams::outbox_bytes_max},
    {"script_messages_max", &ClusterParams::script_messages_max},
    {"script_bytes_max", &ClusterParams::script_bytes_max},
    {"traps_in_a_row_max", &ClusterParams::traps_in_a_row_max},
    {"transform_steps_base", &ClusterParams::transform_steps_base},
    {"transform_steps_per_byte", &ClusterParams::transform_steps_per_byte},
    {"transform_failures_in_a_row_max", &ClusterParams::transform_failures_in_a_row_max},
    {"delivery_bytes_per_block_max", &ClusterParams::delivery_bytes_per_block_max},
    {"transcript_entries_kept", &ClusterParams::transcript_entries_kept},
    {"closed_connections_kept", &ClusterParams::closed_connections_kept},
    {"transaction_memory_blocks", &ClusterParams::transaction_memory_blocks},
    {"batch_bytes_max", &ClusterParams::batch_bytes_max},
    {"transaction_bytes_max", &ClusterParams::transaction_bytes_max},
    {"reconnect_first_ms", &ClusterParams::reconnect_first},
    {"reconnect_longest_ms", &ClusterParams::reconnect_longest},
};

constexpr Field<AgreementParams> kAgreement[] = {
    {"blocks_in_force", &AgreementParams::blocks_in_force},
    {"head_window", &AgreementParams::head_window},
    {"decision_digests_max", &AgreementParams::decision_digests_max},
    {"section_items_max", &AgreementParams::section_items_max},
    {"hold_back_ms", &AgreementParams::hold_back},
    {"absorb_ms", &AgreementParams::absorb},
    {"drop_after_ms", &AgreementParams::drop_after},
    {"stall_ms", &AgreementParams::stall},
    {"lost_grace_ms", &AgreementParams::lost_grace},
    {"write_timeout_ms", &AgreementParams::write_timeout},
};

constexpr Field<PriceParams> kPrice[] = {
    {"open_per_node", &PriceParams::open_per_node},
    {"open_per_pair", &PriceParams::open_per_pair},
    {"second_per_node", &PriceParams::second_per_node},
    {"byte_per_node", &PriceParams::byte_per_node},
    {"byte_per_pair", &PriceParams::byte_per_pair},
    {"message_overhead_bytes", &PriceParams::message_overhead_bytes},
    {"send_byte_per_writer", &PriceParams::send_byte_per_writer},
    {"send_overhead_bytes", &PriceParams::send_overhead_bytes},
    {"time_prepaid_ms", &PriceParams::time_prepaid},
};

// What a field may hold; the parameters' own faults() knows what does not go together.
struct Bounds {
  uint64_t min = 1;
  uint64_t max = std::numeric_limits<uint32_t>::max();
};
constexpr Bounds kPriceBounds{0, replica::kPriceMax};
// Of an account; so that deposits fit beside it.
constexpr Bounds kCyclesBounds{0, 1'000'000'000'000'000'000};

class Parser {
 public:
  std::vector<std::string> faults;

  template <class Params>
  void numbers(const json::value& value, std::string_view where, std::span<const Field<Params>> fields,
               Params& out, Bounds bounds = {}) {
    const auto* object = value.if_object();
    if (object == nullptr) return fault(where, "must be an object");
    for (const auto& member : *object) {
      const std::string path = std::string(where) + "." + std::string(member.key());
      const auto field = std::ranges::find(fields, std::string_view(member.key()), &Field<Params>::name);
      if (field == fields.end()) {
        fault(path, "is not a known key");
      } else {
        std::visit([&](auto pointer) { number(member.value(), path, bounds, out.*pointer); }, field->member);
      }
    }
  }

  void chain_id(const json::value& value, std::string& out) {
    const auto* text = value.if_string();
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    if (text == nullptr || text->empty() || text->size() > kChainIdMax ||
        !std::ranges::all_of(*text, printable)) {
      return fault("chain_id", "must be 1 to 50 printable characters");
    }
    out = std::string_view(*text);
  }

  void keys(const json::value& value, std::vector<Bytes>& out) {
    const auto* list = value.if_array();
    if (list == nullptr || list->empty() || list->size() > kReplicasMax) {
      return fault("replica_keys", "must be a list of 1 to 40 keys");
    }
    for (const auto& element : *list) {
      const auto* text = element.if_string();
      auto key = text == nullptr ? std::nullopt : from_hex(std::string_view(*text));
      if (!key || key->size() != kPublicKeyBytes) {
        fault("replica_keys[" + std::to_string(out.size()) + "]", "must be 64 hexadecimal digits");
        key.emplace();
      }
      out.push_back(std::move(*key));
    }
  }

  void cycles(const json::value& value, std::string_view where, replica::Cycles& out) {
    number(value, where, kCyclesBounds, out);
  }

  void fault(std::string_view where, std::string_view what) {
    faults.push_back(std::string(where) + " " + std::string(what));
  }

 private:
  template <class T>
  void number(const json::value& value, std::string_view where, Bounds bounds, T& out) {
    json::error_code error;
    const auto parsed = value.to_number<uint64_t>(error);
    if (error.failed() || value.is_double() || parsed < bounds.min || parsed > bounds.max) {
      return fault(where, "must be a whole number from " + std::to_string(bounds.min) + " to " +
                              std::to_string(bounds.max));
    }
    out = T(parsed);
  }
};

template <class Params>
json::object numbers_of(std::span<const Field<Params>> fields, const Params& params) {
  struct AsNumber {
    uint64_t operator()(uint64_t value) const { return value; }
    uint64_t operator()(Milliseconds value) const { return static_cast<uint64_t>(value.count()); }
  };
  json::object out;
  for (const auto& field : fields) {
    out[field.name] = std::visit([&](auto pointer) { return AsNumber()(params.*pointer); }, field.member);
  }
  return out;
}

}  // namespace

std::expected<ClusterParams, std::vector<std::string>> parse_cluster(std::string_view text) {
  json::error_code error;
  const json::value root = json::parse(text, error);
  const auto* object = error.failed() ? nullptr : root.if_object();
  if (object == nullptr) return std::unexpected(std::vector<std::string>{"the file is not a JSON object"});
  ClusterParams params;
  Parser parser;
  for (const char* key : {"chain_id", "replica_keys"}) {
    if (!object->contains(key)) parser.fault(key, "is missing");
  }
  for (const auto& member : *object) {
    const std::string_view key = member.key();
    if (key == "chain_id") {
      parser.chain_id(member.value(), params.chain_id);
    } else if (key == "replica_keys") {
      parser.keys(member.value(), params.replica_keys);
    } else if (key == "params") {
      parser.numbers<ClusterParams>(member.value(), key, kParams, params);
    } else if (key == "agreement") {
      parser.numbers<AgreementParams>(member.value(), key, kAgreement, params.agreement);
    } else if (key == "price") {
      parser.numbers<PriceParams>(member.value(), key, kPrice, params.price, kPriceBounds);
    } else if (key == "initial_cycles") {
      parser.cycles(member.value(), key, params.initial_cycles);
    } else {
      parser.fault(key, "is not a known key");
    }
  }
  for (const std::string& what : params.faults()) parser.fault("params:", what);
  if (!parser.faults.empty()) return std::unexpected(std::move(parser.faults));
  return params;
}

std::string format_cluster(const ClusterParams& params) {
  json::array keys;
  for (const Bytes& key : params.replica_keys) keys.emplace_back(to_hex(key));
  json::object root;
  root["chain_id"] = params.chain_id;
  root["replica_keys"] = std::move(keys);
  root["params"] = numbers_of<ClusterParams>(kParams, params);
  root["agreement"] = numbers_of<AgreementParams>(kAgreement, params.agreement);
  root["price"] = numbers_of<PriceParams>(kPrice, params.price);
  root["initial_cycles"] = params.initial_cycles;
  return json::serialize(root) + "\n";
}

}  // namespace icws::tools
