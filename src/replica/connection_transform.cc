#include "replica/connection_transform.h"

#include <stdexcept>
#include <utility>

#include "replica/open_check.h"
#include "transform/canister_transform.h"
#include "transform/transform.h"

namespace icws::replica {

bool has_transform(const Connection& record, const CodeLibrary& library) {
  const std::string& method = record.arguments.transform.method;
  return method.empty() || library.transform(record.code, method) != nullptr;
}

std::unique_ptr<transform::MessageTransform> make_transform(const Connection& record,
                                                            const CodeLibrary& library,
                                                            const ClusterParams& params) {
  const TransformRequest& request = record.arguments.transform;
  if (request.method.empty()) {
    // Checked when the canister opened it.
    return std::make_unique<transform::Transform>(
        std::move(*transform::Transform::compile(transform_spec(record.arguments))));
  }
  const transform::TransformFunction function = library.transform(record.code, request.method);
  if (function == nullptr) {
    throw std::runtime_error("this build has no canister code " + record.code + " with a transform " +
                             request.method + ", which connection " + std::to_string(record.id.value) +
                             " needs: install the build that the other replicas run");
  }
  transform::Limits limits;
  limits.steps_base = params.transform_steps_base;
  limits.steps_per_byte = params.transform_steps_per_byte;
  limits.content_bytes_max = params.message_bytes_max;
  limits.key_bytes_max = kKeyBytesMax;
  return std::make_unique<transform::CanisterTransform>(function, request.context, limits);
}

}  // namespace icws::replica
