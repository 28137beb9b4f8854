// A configuration file of any bytes: no crash, faults in sentences, and what has none stays the same when it
// is written out and read again.
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <cstdlib>

#include "adapter/config_parse.h"

namespace {

using icws::adapter::AdapterConfig;

void require(bool condition) {
  if (!condition) std::abort();
}

boost::json::object written(const AdapterConfig& config) {
  boost::json::object out;
  for (const auto& setting : icws::adapter::settings()) {
    out[setting.name] = icws::adapter::to_json(setting, config);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  AdapterConfig config;
  const auto applied = icws::adapter::apply_json({reinterpret_cast<const char*>(data), size}, config);
  if (!applied) {
    require(!applied.error().empty());
    for (const auto& fault : applied.error()) require(!fault.empty());
  }
  for (const auto& fault : icws::adapter::validate(config)) require(!fault.empty());
  if (!applied) return 0;
  const auto first = written(config);
  AdapterConfig again;
  require(icws::adapter::apply_json(boost::json::serialize(first), again).has_value());
  require(written(again) == first);
  return 0;
}
