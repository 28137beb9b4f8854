// The grammar of Sec-WebSocket-Extensions (RFC 6455, section 9.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace icws::ws::detail {

struct ExtensionParameter {
  std::string_view name;
  // Without quotation marks and escapes; a token in any case.
  std::optional<std::string> value;
};

struct Extension {
  std::string_view name;
  std::vector<ExtensionParameter> parameters;
};

// Appends the extensions that one field's value lists. Empty elements are skipped (RFC 9110, section 5.6.1).
// False: the value does not follow the grammar. Views point into `value`.
bool parse_extensions(std::string_view value, std::vector<Extension>& out);

}  // namespace icws::ws::detail
