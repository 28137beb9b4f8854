#include "sim/captures.h"

#include <set>

#include "sim/canister.h"
#include "transform/transform.h"

namespace icws::sim {
namespace {

// Contents that some stream repeats: which of them is meant cannot be told.
std::set<std::string> repeated_contents(const Captures& captures) {
  std::set<std::string> out;
  for (const auto& stream : captures.streams) {
    std::set<std::string> once;
    for (const Captures::Message& message : stream) {
      if (!once.insert(message.canonical).second) out.insert(message.canonical);
    }
  }
  return out;
}

}  // namespace

Captures make_captures(const std::vector<RecordedStream>& streams, uint32_t speed) {
  transform::TransformSpec spec;
  spec.input = transform::TransformSpec::Input::Json;
  spec.drop_pointers = {kDropPointer};
  spec.key_pointers = {kCaptureKeyPointers[0], kCaptureKeyPointers[1]};
  auto transform = transform::Transform::compile(spec);
  Captures out;
  transform::Delivered delivered;
  for (const RecordedStream& stream : streams) {
    auto& messages = out.streams.emplace_back();
    for (const RecordedMessage& message : stream) {
      transform->apply(transform::MessageKind::Text, message.text, delivered);
      messages.push_back({message.at / speed, message.text, delivered.content, delivered.key});
    }
  }
  const std::set<std::string> repeated = repeated_contents(out);
  std::map<std::string, uint64_t> serials;
  for (const auto& stream : out.streams) {
    for (const Captures::Message& message : stream) {
      if (repeated.contains(message.canonical) || out.places.contains(message.canonical)) continue;
      out.places[message.canonical] = Place{message.key, ++serials[message.key]};
    }
  }
  // A key whose serials do not rise on every stream was not recorded alike: its order is not judged.
  std::set<std::string> unlike;
  for (const auto& stream : out.streams) {
    std::map<std::string, uint64_t> last;
    for (const Captures::Message& message : stream) {
      const auto place = out.places.find(message.canonical);
      if (place == out.places.end()) continue;
      if (place->second.serial < last[message.key]) unlike.insert(message.key);
      last[message.key] = place->second.serial;
    }
  }
  std::erase_if(out.places, [&](const auto& place) { return unlike.contains(place.second.key); });
  return out;
}

}  // namespace icws::sim
