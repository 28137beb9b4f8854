#include "adapter_client/command_queue.h"

#include <algorithm>
#include <ranges>
#include <type_traits>
#include <utility>

namespace icws::adapter_client {
namespace {

// What a command costs beside its content.
constexpr size_t kCommandBytes = 256;

size_t cost(const replica::SendCommand& command) { return kCommandBytes + command.content.size(); }
size_t cost(const replica::OpenCommand& command) {
  size_t out = kCommandBytes + command.url.size();
  for (const auto& header : command.headers) out += header.name.size() + header.value.size();
  for (const auto& proxy : command.proxies) out += proxy.size();
  return out;
}
size_t cost(const replica::CloseCommand& command) { return kCommandBytes + command.reason.size(); }

}  // namespace

void CommandQueue::enqueue(const replica::SocketKey& key, Lane& lane) {
  if (lane.busy || lane.queued || lane.commands.empty()) return;
  lane.queued = true;
  ready_.push_back(key);
}

void CommandQueue::push(replica::AdapterCommand command) {
  if (auto* acknowledgement = std::get_if<replica::AcknowledgeCommand>(&command)) {
    auto& newest = acknowledgements_.try_emplace(acknowledgement->key, *acknowledgement).first->second;
    if (acknowledgement->event > newest.event) newest = *acknowledgement;
    return;
  }
  std::visit(
      [this](auto&& one) {
        using Command = std::decay_t<decltype(one)>;
        if constexpr (!std::is_same_v<Command, replica::AcknowledgeCommand>) {
          bytes_ += cost(one);
          const auto key = one.key;
          auto& lane = lanes_[key];
          if constexpr (std::is_same_v<Command, replica::SendCommand>) supersede(lane, one.sequence);
          lane.commands.emplace_back(std::forward<decltype(one)>(one));
          enqueue(key, lane);
        }
      },
      std::move(command));
}

// Sends that are issued again replace those that wait: what waited may begin behind a hole.
void CommandQueue::supersede(Lane& lane, uint64_t sequence) {
  while (!lane.commands.empty()) {
    const auto* send = std::get_if<replica::SendCommand>(&lane.commands.back());
    if (!send || send->sequence < sequence) break;
    bytes_ -= cost(*send);
    lane.commands.pop_back();
  }
}

CommandQueue::Sends CommandQueue::take_sends(const replica::SocketKey& key, Lane& lane) {
  Sends out{key, {}};
  size_t bytes = 0;
  while (!lane.commands.empty() && out.messages.size() < kSendMessagesMax) {
    auto* send = std::get_if<replica::SendCommand>(&lane.commands.front());
    if (!send || (bytes > 0 && bytes + cost(*send) > kSendBytesMax)) break;
    bytes += cost(*send);
    out.messages.push_back(std::move(*send));
    lane.commands.pop_front();
  }
  bytes_ -= bytes;
  return out;
}

std::optional<CommandQueue::Call> CommandQueue::next() {
  if (ready_.empty()) return std::nullopt;
  const auto key = ready_.front();
  ready_.pop_front();
  auto& lane = lanes_[key];
  lane.queued = false;
  lane.busy = true;
  if (std::holds_alternative<replica::SendCommand>(lane.commands.front())) return take_sends(key, lane);
  auto front = std::move(lane.commands.front());
  lane.commands.pop_front();
  if (auto* open = std::get_if<replica::OpenCommand>(&front)) {
    bytes_ -= cost(*open);
    return std::move(*open);
  }
  auto& close = std::get<replica::CloseCommand>(front);
  bytes_ -= cost(close);
  return std::move(close);
}

void CommandQueue::done(const replica::SocketKey& key) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end()) return;
  found->second.busy = false;
  if (found->second.commands.empty()) {
    lanes_.erase(found);
  } else {
    enqueue(key, found->second);
  }
}

void CommandQueue::done_partly(Sends sends, uint64_t accepted_up_to) {
  const auto found = lanes_.find(sends.key);
  if (found == lanes_.end()) return;
  for (auto& message : std::views::reverse(sends.messages)) {
    if (message.sequence <= accepted_up_to) break;
    auto& commands = found->second.commands;
    const auto* front = commands.empty() ? nullptr : std::get_if<replica::SendCommand>(&commands.front());
    if (front && front->sequence <= message.sequence) continue;
    bytes_ += cost(message);
    commands.emplace_front(std::move(message));
  }
}

void CommandQueue::resume(const replica::SocketKey& key) { done(key); }

void CommandQueue::drop_sends(const replica::SocketKey& key) {
  const auto found = lanes_.find(key);
  if (found == lanes_.end()) return;
  std::erase_if(found->second.commands, [this](const Waiting& waiting) {
    const auto* send = std::get_if<replica::SendCommand>(&waiting);
    if (send) bytes_ -= cost(*send);
    return send != nullptr;
  });
}

std::vector<replica::AcknowledgeCommand> CommandQueue::take_acknowledgements(size_t count) {
  std::vector<replica::AcknowledgeCommand> out;
  while (!acknowledgements_.empty() && out.size() < count) {
    out.push_back(acknowledgements_.begin()->second);
    acknowledgements_.erase(acknowledgements_.begin());
  }
  return out;
}

void CommandQueue::clear() { *this = CommandQueue(); }

}  // namespace icws::adapter_client
