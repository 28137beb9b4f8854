// What the table says, for people: help, the annotated sample file, docs/config.md.
#pragma once

#include <span>
#include <string>

#include "adapter/config_table.h"

namespace icws::adapter {

// One line for --help: what, range, default.
std::string help_of(const Setting& setting);
// A configuration file in which every setting stands with its description and default, commented out.
std::string config_sample(std::span<const Setting> table = settings());
// The page docs/config.md.
std::string config_document(std::span<const Setting> table = settings());

}  // namespace icws::adapter
