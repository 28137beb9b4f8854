#include "agreement/send_rules.h"

#include <algorithm>
#include <functional>

namespace icws::agreement {
namespace {

bool live(const InForce& member) {
  return member.section != nullptr && member.section->status == MemberStatus::Live;
}

// It says itself that its socket writes nothing more.
bool down(const InForce& member) {
  return member.section != nullptr && member.section->status != MemberStatus::Live &&
         member.section->status != MemberStatus::Opening;
}

// The highest sequence that `needed` of the given ones have reached; 0 if there are fewer.
SendSequence reached(std::vector<SendSequence> written, uint32_t needed) {
  if (written.size() < needed) return SendSequence(0);
  std::ranges::sort(written, std::greater<>());
  return written[needed - 1];
}

// Written by a quorum of the committee, whoever is assigned.
WrittenSends by_quorum(const View& view, SendSequence freed, SendSequence last, Quorum quorum) {
  std::vector<SendSequence> written;
  for (const InForce& member : view) {
    if (member.section != nullptr) written.push_back(member.section->sent_up_to);
  }
  WrittenSends out{std::clamp(reached(std::move(written), quorum.q()), freed, std::max(freed, last)), {}};
  for (uint32_t place = 0; place < view.size(); ++place) {
    const bool wrote = view[place].section != nullptr && view[place].section->sent_up_to >= out.up_to;
    if (wrote) out.writers.push_back(place);
  }
  return out;
}

WrittenSends by_writers(const SendState& state, SendSequence freed, SendSequence last, uint32_t needed) {
  std::vector<SendSequence> written;
  for (const Writer& writer : state.writers) written.push_back(writer.written);
  WrittenSends out{std::clamp(reached(std::move(written), needed), freed, std::max(freed, last)), {}};
  for (const Writer& writer : state.writers) {
    if (writer.written >= out.up_to) out.writers.push_back(writer.place);
  }
  std::ranges::sort(out.writers);
  return out;
}

// One policy at a time: what every member writes is freed alone, in a block after it has become the oldest.
// Only then do those that are not assigned write it, so that a report of it says nothing about what came
// before.
WrittenSends written_now(const SendState& state, const View& view, const SendQueue& queue,
                         const SendContext& context) {
  const uint32_t needed = writers_needed(context.policy, context.quorum);
  if (needed == 0) return by_quorum(view, queue.freed, queue.last, context.quorum);
  if (!queue.everyone) return by_writers(state, queue.freed, queue.last, needed);
  if (*queue.everyone == queue.freed.next())
    return by_quorum(view, queue.freed, *queue.everyone, context.quorum);
  return by_writers(state, queue.freed, SendSequence(queue.everyone->value - 1), needed);
}

void note_progress(SendState& state, const View& view, SendSequence last, AgreedTime now) {
  for (Writer& writer : state.writers) {
    const Section* section = view[writer.place].section;
    if (section == nullptr) continue;
    // What it wrote under an earlier assignment was written from a sequence on that is freed by now.
    const SendSequence written = std::min(section->sent_up_to, last);
    if (written <= writer.written) continue;
    writer.written = written;
    writer.waiting_since = now;
  }
}

// The next member by turns that is live and not assigned, or none.
std::optional<uint32_t> next_place(const SendState& state, const View& view, const SendContext& context) {
  const auto size = static_cast<uint32_t>(view.size());
  // Begins elsewhere for each connection, so that the work is spread.
  const auto start =
      static_cast<uint32_t>((context.connection.value + context.epoch.value + state.turns) % size);
  for (uint32_t i = 0; i < size; ++i) {
    const uint32_t place = (start + i) % size;
    if (live(view[place]) && state.assigned(place) == nullptr) return place;
  }
  return std::nullopt;
}

void assign(SendState& state, uint32_t place, SendSequence freed, AgreedTime now) {
  Writer next{place, ++state.turns, freed.next(), freed, now, false};
  const auto before = std::ranges::find(state.writers, place, &Writer::place);
  if (before == state.writers.end()) {
    state.writers.push_back(next);
  } else {
    next.written = std::max(freed, before->written);
    *before = next;
  }
}

void assign_missing(SendState& state, const View& view, SendSequence freed, const SendContext& context) {
  const uint32_t needed = writers_needed(context.policy, context.quorum);
  auto active = static_cast<uint32_t>(
      std::ranges::count_if(state.writers, [](const Writer& writer) { return !writer.replaced; }));
  for (; active < needed; ++active) {
    const std::optional<uint32_t> place = next_place(state, view, context);
    if (!place) return;
    assign(state, *place, freed, context.now);
  }
}

// Replaces those that are late or down, where another can take over.
void replace_late(SendState& state, const View& view, const SendQueue& queue, SendSequence freed,
                  const SendContext& context, const AgreementParams& params) {
  // By turn: assign() may move what it refers to.
  std::vector<uint32_t> late;
  for (Writer& writer : state.writers) {
    if (writer.replaced) continue;
    if (std::max(writer.written, freed) >= queue.last) {
      writer.waiting_since.reset();
      continue;
    }
    if (!writer.waiting_since) writer.waiting_since = context.now;
    const bool waited = context.now - *writer.waiting_since >= params.write_timeout;
    if (waited || down(view[writer.place])) late.push_back(writer.turn);
  }
  for (const uint32_t turn : late) {
    const std::optional<uint32_t> place = next_place(state, view, context);
    Writer& writer = *std::ranges::find(state.writers, turn, &Writer::turn);
    if (place) {
      writer.replaced = true;
      assign(state, *place, freed, context.now);
    } else if (context.now - *writer.waiting_since >= params.write_timeout && live(view[writer.place])) {
      // Nobody else can: asked once more, it writes also what it cannot know to have written.
      assign(state, writer.place, freed, context.now);
    }
  }
}

}  // namespace

uint32_t writers_needed(Writers policy, Quorum quorum) {
  if (policy == Writers::Some) return quorum.f() + 1;
  return policy == Writers::Single ? 1 : 0;
}

const Writer* SendState::assigned(uint32_t place) const {
  const auto it = std::ranges::find(writers, place, &Writer::place);
  return it == writers.end() || it->replaced ? nullptr : &*it;
}

WrittenSends step_sends(SendState& state, const View& view, const SendQueue& queue,
                        const SendContext& context, const AgreementParams& params) {
  note_progress(state, view, queue.last, context.now);
  WrittenSends written = written_now(state, view, queue, context);
  std::erase_if(state.writers,
                [&](const Writer& writer) { return writer.replaced && writer.written <= written.up_to; });
  if (context.policy == Writers::All || !context.assigning) return written;
  replace_late(state, view, queue, written.up_to, context, params);
  if (queue.last > written.up_to) assign_missing(state, view, written.up_to, context);
  return written;
}

}  // namespace icws::agreement
