// Settings from a file and from flags, checked against the table.
#pragma once

#include <boost/json/fwd.hpp>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/config.h"
#include "adapter/config_table.h"

namespace icws::adapter {

// A file of all settings with their descriptions has 12 KiB; one of a thousand networks some 30 KiB.
inline constexpr size_t kConfigBytesMax = 1024 * 1024;

// One sentence for each fault, for the operator.
using ConfigFaults = std::vector<std::string>;

// Overlays a JSON object (comments and trailing commas are allowed) on `config`. Errors: every fault at once:
// no JSON, a name that stands twice, an unknown one (with the nearest known one), wrong type, out of range,
// refused text. What has no fault is set even so.
std::expected<void, ConfigFaults> apply_json(std::string_view text, AdapterConfig& config,
                                             std::span<const Setting> table = settings());

// A flag's texts for one setting. Lists grow by them, entry by entry; of others the last text counts.
std::expected<void, ConfigFaults> apply_texts(const Setting& setting, std::span<const std::string> texts,
                                              AdapterConfig& config);

// Faults of the values as they are: out of range, refused texts, and what concerns several settings.
ConfigFaults validate(const AdapterConfig& config, std::span<const Setting> table = settings());

// Takes over from `next`, which is valid, what may change while the adapter runs. The names of settings that
// differ and need a restart.
std::vector<std::string> take_reloadable(const AdapterConfig& next, AdapterConfig& config,
                                         std::span<const Setting> table = settings());

// The setting's value, as the file would have it.
boost::json::value to_json(const Setting& setting, const AdapterConfig& config);

}  // namespace icws::adapter
