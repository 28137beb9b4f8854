#include "replica/divergence.h"

namespace icws::replica {

std::string divergence_text(Height height, const Digest& here, const Digest& agreed,
                            const std::string& changed) {
  return "the state after height " + std::to_string(height.value) +
         " is not the agreed one: the app hash is " + here.hex() + " here, and " + agreed.hex() +
         " on a quorum of replicas. " +
         (changed.empty() ? std::string("The block's writes are not known any more.")
                          : "One of the keys that this block wrote differs (key=leaf): " + changed + ".") +
         " This replica stops for good: keep its state directory for whoever looks into it, and start it "
         "with an empty "
         "one, which it fills from the engine's blocks.";
}

}  // namespace icws::replica
