#include "tools/canister_names.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "examples/echo/echo_canister.h"
#include "examples/feed/feed_canister.h"
#include "examples/ticker/ticker_canister.h"

namespace icws::tools {

std::expected<replica::CanisterSet, std::string> make_canisters(const std::string& names) {
  using Make = std::unique_ptr<replica::Canister> (*)();
  // The code of every one, so that a canister can be upgraded to any.
  static const std::map<std::string, Make> known = {{"echo", &examples::make_echo_canister},
                                                    {"feed", &examples::make_feed_canister},
                                                    {"ticker", &examples::make_ticker_canister}};
  replica::CanisterSet out;
  for (const auto& [name, make] : known) out.code.push_back({name, make, {}});
  std::ranges::find(out.code, "echo", &replica::CanisterCode::name)->transforms = examples::echo_transforms();
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    const auto make = known.find(name);
    if (make == known.end())
      return std::unexpected("there is no canister \"" + name + "\"; known: echo, feed, ticker");
    if (std::ranges::any_of(out.canisters, [&](const auto& installed) { return installed.id == name; })) {
      return std::unexpected("the canister \"" + name + "\" is named twice");
    }
    out.canisters.push_back({name, make->second()});
  }
  return out;
}

}  // namespace icws::tools
