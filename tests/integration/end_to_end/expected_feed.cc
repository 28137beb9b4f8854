#include "tests/integration/end_to_end/expected_feed.h"

#include <algorithm>
#include <boost/json.hpp>
#include <stdexcept>

#include "transform/transform.h"

namespace icws::support {
namespace {

constexpr size_t kShownMax = 5;
constexpr size_t kShownBytes = 160;

transform::Transform feed_transform() {
  transform::TransformSpec spec;
  spec.input = transform::TransformSpec::Input::Json;
  spec.drop_pointers = {"/id"};
  spec.key_pointers = {"/method", "/params/symbol"};
  auto compiled = transform::Transform::compile(spec);
  if (!compiled) throw std::runtime_error(transform::describe(compiled.error()));
  return std::move(*compiled);
}

// What: numbers equal contents of one key.
class OrderBuilder {
 public:
  void add(const Bytes& key, Bytes content) {
    const uint32_t copy = ++copies_[{key, content}];
    order_[key].push_back({std::move(content), copy});
  }
  FeedOrder take() { return std::move(order_); }

 private:
  FeedOrder order_;
  std::map<std::pair<Bytes, Bytes>, uint32_t> copies_;
};

std::vector<FeedItem> only_those_in(const std::vector<FeedItem>& items, const std::set<FeedItem>& wanted) {
  std::vector<FeedItem> out;
  std::ranges::copy_if(items, std::back_inserter(out),
                       [&](const FeedItem& item) { return wanted.contains(item); });
  return out;
}

}  // namespace

FeedOrder order_of(const RecordedStream& stream) {
  transform::Transform transform = feed_transform();
  OrderBuilder builder;
  transform::Delivered delivered;
  for (const TimedMessage& message : stream.messages) {
    transform.apply(transform::MessageKind::Text, message.text, delivered);
    builder.add(delivered.key, delivered.content);
  }
  return builder.take();
}

FeedOrder order_of(const std::vector<replica::v1::TranscriptEntry>& transcript) {
  OrderBuilder builder;
  for (const auto& entry : transcript) {
    if (entry.has_message()) builder.add(entry.message().key(), entry.message().content());
  }
  return builder.take();
}

FeedItems items_of(const FeedOrder& order) {
  FeedItems out;
  for (const auto& [key, items] : order) out[key] = {items.begin(), items.end()};
  return out;
}

FeedItems seen_by(size_t least, const std::vector<FeedOrder>& streams) {
  std::map<Bytes, std::map<FeedItem, size_t>> seen;
  for (const FeedOrder& stream : streams) {
    for (const auto& [key, items] : stream) {
      for (const FeedItem& item : items) ++seen[key][item];
    }
  }
  FeedItems out;
  for (const auto& [key, counts] : seen) {
    for (const auto& [item, count] : counts) {
      if (count >= least) out[key].insert(item);
    }
  }
  return out;
}

size_t count_of(const FeedItems& items) {
  size_t out = 0;
  for (const auto& [key, of_key] : items) out += of_key.size();
  return out;
}

std::vector<std::string> missing_from(const FeedItems& all, const FeedItems& some) {
  std::vector<std::string> out;
  for (const auto& [key, items] : some) {
    const auto found = all.find(key);
    for (const FeedItem& item : items) {
      if (found != all.end() && found->second.contains(item)) continue;
      if (out.size() == kShownMax) return out;
      out.push_back("copy " + std::to_string(item.copy) + " of " + item.content.substr(0, kShownBytes));
    }
  }
  return out;
}

std::vector<std::string> keys_out_of_order(const FeedOrder& agreed, const FeedOrder& stream) {
  const FeedItems in_transcript = items_of(agreed);
  const FeedItems in_stream = items_of(stream);
  std::vector<std::string> out;
  for (const auto& [key, items] : agreed) {
    const auto streamed = stream.find(key);
    if (streamed == stream.end()) continue;
    const auto ours = only_those_in(items, in_stream.at(key));
    if (ours != only_those_in(streamed->second, in_transcript.at(key))) out.push_back(key);
  }
  return out;
}

std::vector<std::string> symbols_of(const RecordedStream& stream) {
  std::vector<std::string> out;
  for (const Bytes& subscription : stream.subscriptions) {
    const auto text = boost::json::parse(subscription).at("params").at("symbol").as_string();
    std::string symbol(text);
    if (std::ranges::find(out, symbol) == out.end()) out.push_back(std::move(symbol));
  }
  return out;
}

}  // namespace icws::support
