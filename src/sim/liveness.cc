#include "sim/liveness.h"

#include <algorithm>
#include <utility>

namespace icws::sim {

void LivenessChecker::quiet() {
  quiet_ = true;
  for (const auto& [id, agreed] : safety_.agreed()) {
    gaps_before_[id] = agreed.gaps;
    for (const std::string& text : ledger_.seen_by_any(id)) before_[id].insert(text);
  }
}

void LivenessChecker::feed(ConnectionId id, const SafetyChecker::Agreed& agreed, uint32_t honest,
                           Missing& out) const {
  const auto before = before_.find(id);
  uint64_t missing = 0;
  std::string example;
  for (const std::string& text : ledger_.seen_by_any(id)) {
    if (before != before_.end() && before->second.contains(text)) continue;
    if (ledger_.members_with(id, text) < honest || agreed.texts.contains(text)) continue;
    ++missing;
    example = text;
  }
  const auto counted = gaps_before_.find(id);
  const uint64_t gaps = agreed.gaps - (counted == gaps_before_.end() ? 0 : counted->second);
  if (missing <= gaps) return;
  out.push_back("connection " + std::to_string(id.value) + ": " + std::to_string(missing) +
                " messages that every honest replica saw were not agreed (" + example + " is one), " +
                std::to_string(gaps) + " are in gaps");
}

void LivenessChecker::orders(uint64_t count, const Servers& servers, Missing& out) const {
  for (const ConnectionPlan& connection : plan_.connections) {
    // One writer that lies may never write.
    const bool single = connection.writers == WritersPlan::Single;
    if (connection.kind != ServerKind::Orders || (single && ledger_.faulty_count() > 0)) continue;
    uint64_t written = 0;
    for (uint64_t number = 1; number <= count; ++number)
      written += servers.orders().contains("text" + std::to_string(number));
    if (written < count)
      out.push_back(std::to_string(count - written) + " of " + std::to_string(count) +
                    " orders were never written");
  }
}

void LivenessChecker::readings(Milliseconds now, Missing& out) const {
  constexpr Milliseconds kLate{2'500};
  for (const auto& [id, agreed] : safety_.agreed()) {
    if (plan_.connections[id.value - 1].kind != ServerKind::Values) continue;
    if (!agreed.read_at || *agreed.read_at + kLate < now)
      out.push_back("connection " + std::to_string(id.value) + ": the readings have stopped");
  }
}

bool LivenessChecker::undisturbed() const {
  // So many leave that epochs end.
  const auto left = std::ranges::count(plan_.faults, FaultKind::Leave, &FaultPlan::kind);
  if (agreement::Quorum(plan_.replicas).has_honest(static_cast<uint32_t>(left))) return false;
  return std::ranges::none_of(plan_.faults, [](const FaultPlan& fault) {
    return fault.kind == FaultKind::AdapterCrash || fault.kind == FaultKind::Cut ||
           fault.kind == FaultKind::DiskLoss;
  });
}

void LivenessChecker::diverged(const replica::ConnectionView& view, Missing& out) const {
  // What the server says, by how many honest members hear it.
  std::map<uint32_t, uint32_t> versions;
  uint32_t honest = 0, most = 0;
  const uint32_t lied_to = plan_.connections[view.id.value - 1].lied_to;
  for (uint32_t member = 0; member < plan_.replicas; ++member) {
    if (ledger_.faulty(member)) continue;
    ++honest;
    const uint32_t version = member < lied_to ? Servers::lie_of(member) : Servers::kLies;
    most = std::max(most, ++versions[version]);
  }
  // Whatever liars say, no version gets a quorum.
  if (!agreement::Quorum(plan_.replicas).has_honest(honest - most)) return;
  const auto& closes = safety_.agreed().at(view.id).closes;
  const bool named = ledger_.faulty_count() == 0 && plan_.faults.empty();
  const bool right = !closes.empty() && (named ? closes[0] == transcript::Cause::Diverged
                                               : closes[0] != transcript::Cause::Stalled);
  if (!right)
    out.push_back("connection " + std::to_string(view.id.value) + ": servers that differ, and no divergence");
}

void LivenessChecker::ordered(const replica::ConnectionView& view, uint64_t echoes, Missing& out) const {
  const ConnectionPlan& connection = plan_.connections[view.id.value - 1];
  const uint32_t faulty_max = agreement::Quorum(plan_.replicas).f();
  if (connection.shut_out > 0 && connection.shut_out + ledger_.faulty_count() > faulty_max) return;
  if (connection.lied_to + ledger_.faulty_count() > faulty_max) {
    if (connection.lied_to > 0) return diverged(view, out);
  }
  const bool sequence = connection.kind == ServerKind::Sequence;
  const uint64_t expected = sequence ? Servers::kSequenceMessages : echoes;
  const std::string where = "connection " + std::to_string(view.id.value) + ": ";
  if (view.messages < expected)
    out.push_back(where + std::to_string(view.messages) + " messages of " + std::to_string(expected));
  if (sequence && view.cause != transcript::Cause::Server) out.push_back(where + "not closed by its server");
  if (!sequence && view.state != "open") out.push_back(where + "ended");
  if (view.outbox_bytes > 0) out.push_back(where + "sends that no quorum has written");
}

void LivenessChecker::shut_out(Missing& out) const {
  for (const auto& [id, agreed] : safety_.agreed()) {
    const ConnectionPlan& connection = plan_.connections[id.value - 1];
    if (!plan_.shuts_out(connection) || connection.kind == ServerKind::Values) continue;
    const bool timed_out = !agreed.closes.empty() && agreed.closes[0] == transcript::Cause::Timeout;
    // With liars among the missing, it may have opened.
    if (!timed_out && ledger_.faulty_count() == 0 && plan_.faults.empty())
      out.push_back("connection " + std::to_string(id.value) +
                    ": a server that says nothing, and no timeout");
  }
}

void LivenessChecker::unsent(const std::vector<std::unique_ptr<Node>>& nodes, Missing& out) const {
  const auto node = std::ranges::find_if(nodes, [](const auto& one) { return one->honest() && one->up(); });
  if (node == nodes.end()) return;
  for (const replica::ConnectionView& view : (*node)->replica().connections()) {
    const bool rests = view.mode == replica::Mode::Feed && view.state == "open" && view.outbox_bytes > 0;
    const ConnectionPlan& connection = plan_.connections[view.id.value - 1];
    if (rests && connection.shut_out == 0)
      out.push_back("connection " + std::to_string(view.id.value) + ": sends that too few have written");
  }
}

std::vector<std::string> LivenessChecker::missing(const std::vector<std::unique_ptr<Node>>& nodes,
                                                  uint64_t blocks, uint64_t echoes, const Servers& servers,
                                                  Milliseconds now) const {
  Missing out;
  uint32_t honest = 0;
  bool first = true;
  for (const auto& node : nodes) {
    const std::string who = "replica " + std::to_string(node->index()) + ": ";
    if (!node->honest()) continue;
    honest += !ledger_.faulty(node->index());
    if (!node->up() || node->replica().info().height.value < blocks) {
      out.push_back(who + "not at the chain's head");
      continue;
    }
    // Whatever needs no agreement any more is acknowledged, and what finds none is given up.
    if (node->adapter().unacknowledged() > 0)
      out.push_back(who + std::to_string(node->adapter().unacknowledged()) + " events are not acknowledged");
    if (!std::exchange(first, false) || !undisturbed()) continue;
    for (const replica::ConnectionView& view : node->replica().connections()) {
      if (view.mode == replica::Mode::Ordered) ordered(view, echoes, out);
    }
  }
  if (!quiet_) return out;
  shut_out(out);
  unsent(nodes, out);
  orders(echoes, servers, out);
  readings(now, out);
  const bool cut = plan_.section_items > 0 || plan_.report_bytes > 0;
  if (cut && plan_.may_give_up()) return out;
  for (const auto& [id, agreed] : safety_.agreed()) {
    if (agreed.feed) feed(id, agreed, honest, out);
  }
  return out;
}

}  // namespace icws::sim
