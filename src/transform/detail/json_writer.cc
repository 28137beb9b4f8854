#include "transform/detail/json_writer.h"

#include "transform/detail/number.h"

namespace icws::transform::detail {
namespace {

// RFC 8785, section 3.2.2.2.
void append_escaped(BytesView text, Bytes& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out.append(1, '\\').append(1, c);
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out.append("\\u00").append(1, kDigits[c >> 4]).append(1, kDigits[c & 15]);
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// Which children are written: those without a mark of `hidden`, and with one of `wanted` unless that is 0.
struct Choice {
  uint8_t hidden = 0;
  uint8_t wanted = 0;

  bool shows(const JsonNode& node) const {
    return (node.marks & hidden) == 0 && (wanted == 0 || (node.marks & wanted) != 0);
  }
  // Within a kept value everything is kept.
  Choice below(const JsonNode& node) const { return (node.marks & wanted & kKept) != 0 ? Choice{} : *this; }
};

// Recursion ends where the parser's did.
class Writer {
 public:
  Writer(const JsonTree& tree, Bytes& out) : tree_(tree), out_(out) {}

  void value(uint32_t index, Choice choice) {
    const JsonNode& node = tree_.nodes[index];
    switch (node.kind) {
      case JsonKind::Null:
        out_ += "null";
        break;
      case JsonKind::False:
        out_ += "false";
        break;
      case JsonKind::True:
        out_ += "true";
        break;
      case JsonKind::Number:
        append_number(node.view(), out_);
        break;
      case JsonKind::String:
        string(node);
        break;
      case JsonKind::Array:
        array(index, choice);
        break;
      case JsonKind::Object:
        object(node, choice);
        break;
    }
  }

 private:
  void string(const JsonNode& node) {
    if (node.verbatim) {
      out_.append(node.text - 1, node.size + size_t{2});  // with its quotes
    } else {
      append_escaped(node.view(), out_);
    }
  }

  void array(uint32_t index, Choice choice) {
    out_ += '[';
    bool first = true;
    const uint32_t end = tree_.nodes[index].end;
    for (uint32_t child = index + 1; child != end; child = tree_.nodes[child].end) {
      const JsonNode& node = tree_.nodes[child];
      if (!choice.shows(node)) continue;
      if (!first) out_ += ',';
      first = false;
      value(child, choice.below(node));
    }
    out_ += ']';
  }

  void object(const JsonNode& object, Choice choice) {
    out_ += '{';
    bool first = true;
    for (uint32_t i = 0; i < object.size; ++i) {
      const uint32_t key = tree_.members[object.first_member + i];
      const JsonNode& node = tree_.nodes[key + 1];
      if (!choice.shows(node)) continue;
      if (!first) out_ += ',';
      first = false;
      string(tree_.nodes[key]);
      out_ += ':';
      value(key + 1, choice.below(node));
    }
    out_ += '}';
  }

  const JsonTree& tree_;
  Bytes& out_;
};

}  // namespace

void write_whole(const JsonTree& tree, uint32_t node, Bytes& out) { Writer(tree, out).value(node, Choice{}); }

void write_remaining(const JsonTree& tree, Bytes& out) {
  Writer(tree, out).value(0, Choice{.hidden = kDropped, .wanted = 0});
}

void write_kept(const JsonTree& tree, Bytes& out) {
  const JsonNode& root = tree.nodes.front();
  const bool container = root.kind == JsonKind::Array || root.kind == JsonKind::Object;
  const Choice kept{.hidden = 0, .wanted = kKept | kOnTheWay};
  if (container || (root.marks & kKept) != 0) {
    Writer(tree, out).value(0, kept.below(root));
  } else {
    out += "null";
  }
}

}  // namespace icws::transform::detail
