// The text of a plan: one line for the run, for each connection, liar and fault; name=value, in any order.
#include <array>
#include <functional>
#include <map>
#include <sstream>

#include "sim/plan.h"

namespace icws::sim {
namespace {

constexpr std::array kStrategyNames{
    "lie-contents",   "flood",     "stale",    "false-end",   "equivocate", "order",
    "echo",           "malformed", "silent",   "false-heads", "false-open", "false-sends",
    "false-complete", "forge",     "withhold", "censor",      "refuse",     "replay",
    "premature",      "back",      "few",      "greedy",      "again"};
constexpr std::array kFaultNames{"outage", "cut",        "adapter-crash", "pause",  "partition", "late",
                                 "crash",  "power-loss", "disk-loss",     "rotate", "leave"};
constexpr std::array kPhaseNames{"now", "after-vote", "after-finalize", "after-commit"};
constexpr std::array kServerNames{"feed", "jitter", "capture", "sequence", "echo", "values", "orders"};
constexpr std::array kWriterNames{"all", "some", "single"};
constexpr std::array kPlantedNames{"none", "lose-local-records", "skip-one-block"};
static_assert(kStrategyNames.size() == kStrategies && kFaultNames.size() == kFaultKinds &&
              kServerNames.size() == kServerKinds);

// Visits the fields of a line: `archive(name, field)`.
void run_fields(auto& archive, auto& plan) {
  archive("seed", plan.seed);
  archive("replicas", plan.replicas);
  archive("duration", plan.duration);
  archive("block-interval", plan.block_interval);
  archive("report-loss", plan.report_loss);
  archive("section-items", plan.section_items);
  archive("inbox-bytes", plan.inbox_bytes);
  archive("delivery-bytes", plan.delivery_bytes);
  archive("block-content-bytes", plan.block_content_bytes);
  archive("report-bytes", plan.report_bytes);
  archive("stall", plan.stall);
  archive("reconnect-first", plan.reconnect_first);
  archive("planted", plan.planted);
}
void connection_fields(auto& archive, auto& connection) {
  archive("kind", connection.kind);
  archive("reconnect", connection.reconnect);
  archive("loss", connection.loss);
  archive("gap", connection.gap);
  archive("keys", connection.keys);
  archive("spread", connection.spread);
  archive("padding", connection.padding);
  archive("burst", connection.burst);
  archive("lied-to", connection.lied_to);
  archive("lag", connection.lag);
  archive("shut-out", connection.shut_out);
  archive("large-every", connection.large_every);
  archive("pause-at", connection.pause_at);
  archive("pause-for", connection.pause_for);
  archive("writers", connection.writers);
  archive("drop-oldest", connection.drop_oldest);
}
void liar_fields(auto& archive, auto& liar) {
  archive("member", liar.member);
  archive("strategies", liar.strategies);
  archive("colludes", liar.colludes);
}
void fault_fields(auto& archive, auto& fault) {
  archive("kind", fault.kind);
  archive("at", fault.at);
  archive("length", fault.length);
  archive("member", fault.member);
  archive("phase", fault.phase);
  archive("group", fault.group);
}

template <class Names>
size_t index_of(const Names& names, const std::string& name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return i;
  }
  throw std::runtime_error("unknown name: " + name);
}

struct Writer {
  std::ostringstream out;
  template <class T>
  void operator()(const char* name, const T& value) {
    out << ' ' << name << '=';
    put(value);
  }
  void put(uint64_t value) { out << value; }
  void put(uint32_t value) { out << value; }
  void put(bool value) { out << value; }
  void put(Milliseconds value) { out << value.count(); }
  void put(ServerKind value) { out << kServerNames[static_cast<size_t>(value)]; }
  void put(WritersPlan value) { out << kWriterNames[static_cast<size_t>(value)]; }
  void put(FaultKind value) { out << kFaultNames[static_cast<size_t>(value)]; }
  void put(CrashPhase value) { out << kPhaseNames[static_cast<size_t>(value)]; }
  void put(Planted value) { out << kPlantedNames[static_cast<size_t>(value)]; }
  void put(const std::vector<Strategy>& value) {
    for (size_t i = 0; i < value.size(); ++i)
      out << (i > 0 ? "," : "") << kStrategyNames[static_cast<size_t>(value[i])];
  }
};

struct Reader {
  std::map<std::string, std::string> values;
  template <class T>
  void operator()(const char* name, T& value) {
    const auto it = values.find(name);
    if (it == values.end()) return;
    get(it->second, value);
    values.erase(it);
  }
  void get(const std::string& text, uint64_t& value) { value = std::stoull(text); }
  void get(const std::string& text, uint32_t& value) { value = static_cast<uint32_t>(std::stoul(text)); }
  void get(const std::string& text, bool& value) { value = text == "1"; }
  void get(const std::string& text, Milliseconds& value) { value = Milliseconds(std::stoll(text)); }
  void get(const std::string& text, ServerKind& value) {
    value = static_cast<ServerKind>(index_of(kServerNames, text));
  }
  void get(const std::string& text, WritersPlan& value) {
    value = static_cast<WritersPlan>(index_of(kWriterNames, text));
  }
  void get(const std::string& text, FaultKind& value) {
    value = static_cast<FaultKind>(index_of(kFaultNames, text));
  }
  void get(const std::string& text, CrashPhase& value) {
    value = static_cast<CrashPhase>(index_of(kPhaseNames, text));
  }
  void get(const std::string& text, Planted& value) {
    value = static_cast<Planted>(index_of(kPlantedNames, text));
  }
  void get(const std::string& text, std::vector<Strategy>& value) {
    std::istringstream in(text);
    for (std::string name; std::getline(in, name, ',');) {
      value.push_back(static_cast<Strategy>(index_of(kStrategyNames, name)));
    }
  }
};

Reader read_fields(std::istringstream& line) {
  Reader out;
  for (std::string word; line >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) throw std::runtime_error("not name=value: " + word);
    out.values[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return out;
}

void parse_line(const std::string& text, Plan& plan) {
  std::istringstream line(text);
  std::string head;
  if (!(line >> head) || head.starts_with('#')) return;
  Reader reader = read_fields(line);
  if (head == "run") {
    run_fields(reader, plan);
  } else if (head == "connection") {
    connection_fields(reader, plan.connections.emplace_back());
  } else if (head == "liar") {
    liar_fields(reader, plan.liars.emplace_back());
  } else if (head == "fault") {
    fault_fields(reader, plan.faults.emplace_back());
  } else {
    throw std::runtime_error("unknown line: " + head);
  }
  if (!reader.values.empty()) throw std::runtime_error("unknown field: " + reader.values.begin()->first);
}

void check(const Plan& plan) {
  if (plan.replicas < 1 || plan.replicas > 40) throw std::runtime_error("replicas: 1 to 40");
  if (plan.block_interval < Milliseconds(1)) throw std::runtime_error("block-interval: at least 1");
  for (const LiarPlan& liar : plan.liars) {
    if (liar.member >= plan.replicas) throw std::runtime_error("a liar that is no member");
  }
  for (const FaultPlan& fault : plan.faults) {
    if (fault.member >= plan.replicas) throw std::runtime_error("a fault of no member");
  }
  for (const ConnectionPlan& connection : plan.connections) {
    if (connection.gap == 0 || connection.keys == 0 || connection.burst == 0)
      throw std::runtime_error("gap, keys and burst: at least 1");
  }
}

}  // namespace

std::string to_string(Strategy strategy) { return kStrategyNames[static_cast<size_t>(strategy)]; }
std::string to_string(Planted planted) { return kPlantedNames[static_cast<size_t>(planted)]; }

std::string to_text(const Plan& plan) {
  Writer writer;
  writer.out << "run";
  run_fields(writer, plan);
  for (const ConnectionPlan& connection : plan.connections) {
    writer.out << "\nconnection";
    connection_fields(writer, connection);
  }
  for (const LiarPlan& liar : plan.liars) {
    writer.out << "\nliar";
    liar_fields(writer, liar);
  }
  for (const FaultPlan& fault : plan.faults) {
    writer.out << "\nfault";
    fault_fields(writer, fault);
  }
  writer.out << "\n";
  return writer.out.str();
}

std::expected<Plan, std::string> parse_plan(const std::string& text) {
  Plan plan;
  plan.connections.clear();
  std::istringstream in(text);
  size_t number = 0;
  try {
    for (std::string line; std::getline(in, line);) {
      ++number;
      parse_line(line, plan);
    }
    check(plan);
  } catch (const std::exception& error) {
    return std::unexpected("line " + std::to_string(number) + ": " + error.what());
  }
  return plan;
}

}  // namespace icws::sim
