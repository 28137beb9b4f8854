#include "ws/detail/extension_list.h"

#include <algorithm>

#include "ws/detail/http_text.h"

namespace icws::ws::detail {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Empty: there is none.
  std::string_view token() {
    skip_blanks();
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    const std::string_view out = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    rest_.remove_prefix(out.size());
    return out;
  }

  // Behind a quotation mark: what stands up to the next one. Empty: not a token, or the mark is missing.
  std::string quoted_token() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      if (!is_token_char(c)) break;
      out.push_back(c);
    }
    return {};
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  std::string_view rest_;
};

bool parse_parameter(Scanner& scanner, Extension& extension) {
  ExtensionParameter parameter{scanner.token(), std::nullopt};
  if (parameter.name.empty()) return false;
  if (scanner.take('=')) {
    parameter.value = scanner.take('"') ? scanner.quoted_token() : std::string(scanner.token());
    if (parameter.value->empty()) return false;
  }
  extension.parameters.push_back(std::move(parameter));
  return true;
}

}  // namespace

bool parse_extensions(std::string_view value, std::vector<Extension>& out) {
  Scanner scanner(value);
  while (!scanner.at_end()) {
    if (scanner.take(',')) continue;
    Extension extension{scanner.token(), {}};
    if (extension.name.empty()) return false;
    while (scanner.take(';')) {
      if (!parse_parameter(scanner, extension)) return false;
    }
    out.push_back(std::move(extension));
    if (!scanner.at_end() && !scanner.take(',')) return false;
  }
  return true;
}

}  // namespace icws::ws::detail
