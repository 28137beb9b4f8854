// Arguments of the examples' calls and queries: one JSON object, or nothing at all for an empty one.
// Pure functions; errors are ArgumentError, which a canister lets pass to reject the call.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace icws::examples {

// Says which argument is wrong, and what it should be.
class ArgumentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Refuses what is not an object and every member that is not named in `known`.
boost::json::object parse_arguments(BytesView arguments, std::initializer_list<std::string_view> known);

// The members; the required ones throw where the member is missing, all where it has another type.
std::string required_text(const boost::json::object& arguments, std::string_view name);
std::string optional_text(const boost::json::object& arguments, std::string_view name, std::string fallback);
bool optional_flag(const boost::json::object& arguments, std::string_view name, bool fallback);
// 0 to 2^63-1, no fraction.
uint64_t required_number(const boost::json::object& arguments, std::string_view name);
uint64_t optional_number(const boost::json::object& arguments, std::string_view name, uint64_t fallback);
// Empty where it is missing.
std::vector<std::string> text_list(const boost::json::object& arguments, std::string_view name);

}  // namespace icws::examples
