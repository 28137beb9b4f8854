#include "examples/json_arguments.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

namespace icws::examples {
namespace json = boost::json;
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view what) {
  throw ArgumentError("argument \"" + std::string(name) + "\" " + std::string(what));
}

std::string text_of(const json::value& value, std::string_view name) {
  if (!value.is_string()) refuse(name, "must be a text");
  return {value.get_string().data(), value.get_string().size()};
}

uint64_t number_of(const json::value& value, std::string_view name) {
  if (!value.is_int64() || value.get_int64() < 0) refuse(name, "must be a whole number, not negative");
  return static_cast<uint64_t>(value.get_int64());
}

const json::value& member(const json::object& arguments, std::string_view name) {
  const json::value* value = arguments.if_contains(name);
  if (value == nullptr) refuse(name, "is missing");
  return *value;
}

}  // namespace

json::object parse_arguments(BytesView arguments, std::initializer_list<std::string_view> known) {
  if (arguments.empty()) return {};
  boost::system::error_code error;
  json::value value = json::parse(arguments, error);
  if (error || !value.is_object()) throw ArgumentError("the arguments must be one JSON object");
  for (const auto& entry : value.get_object()) {
    const std::string_view name(entry.key().data(), entry.key().size());
    if (std::find(known.begin(), known.end(), name) == known.end()) refuse(name, "is not known here");
  }
  return std::move(value.get_object());
}

std::string required_text(const json::object& arguments, std::string_view name) {
  return text_of(member(arguments, name), name);
}

std::string optional_text(const json::object& arguments, std::string_view name, std::string fallback) {
  const json::value* value = arguments.if_contains(name);
  return value == nullptr ? std::move(fallback) : text_of(*value, name);
}

bool optional_flag(const json::object& arguments, std::string_view name, bool fallback) {
  const json::value* value = arguments.if_contains(name);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) refuse(name, "must be true or false");
  return value->get_bool();
}

uint64_t required_number(const json::object& arguments, std::string_view name) {
  return number_of(member(arguments, name), name);
}

uint64_t optional_number(const json::object& arguments, std::string_view name, uint64_t fallback) {
  const json::value* value = arguments.if_contains(name);
  return value == nullptr ? fallback : number_of(*value, name);
}

std::vector<std::string> text_list(const json::object& arguments, std::string_view name) {
  std::vector<std::string> out;
  const json::value* value = arguments.if_contains(name);
  if (value == nullptr) return out;
  if (!value->is_array()) refuse(name, "must be a list of texts");
  for (const json::value& item : value->get_array()) out.push_back(text_of(item, name));
  return out;
}

}  // namespace icws::examples
