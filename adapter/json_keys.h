// Keys of a JSON text, as they stand there: a parsed object has each but once.
#pragma once

#include <boost/json/parse_options.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace icws::adapter {

// Whatever was in the file, as a JSON string; not too much of it on the operator's terminal.
std::string quoted(std::string_view text);

// A sentence for each key that stands in its object already: with its path from the root ("things[1].name",
// names and indices of lists) and both lines, counted from 1. Escapes are resolved: "a" and "\u0061" are one
// key. Of a text that is no JSON, those before the error. RFC 8259, section 4, leaves what a repeated name
// means to the reader; it is never what the writer meant.
std::vector<std::string> repeated_keys(std::string_view text, const boost::json::parse_options& options);

}  // namespace icws::adapter
