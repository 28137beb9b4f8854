// Each gRPC request on any bytes: what protobuf parses is refused with a sentence, or becomes commands within
// the limits of the proto. The first byte chooses the call.
#include <cstdint>
#include <cstdlib>

#include "adapter/requests.h"
#include "ws/close.h"
#include "ws/utf8.h"

namespace {

using namespace icws::adapter;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_key(const icws::replica::SocketKey& key) {
  require(key.connection.value > 0 && key.epoch.value > 0 && key.attempt.value > 0);
}

void check_open(const v1::OpenRequest& request) {
  const auto command = command_of(request);
  if (!command) return require(!command.error().empty());
  check_key(command->key);
  require(command->message_bytes_max > 0 && command->message_bytes_max <= 2'000'000);
  require(command->url.size() <= 8192 && command->headers.size() <= 64 && command->proxies.size() <= 16);
  require(command->response_headers.size() <= 16 && command->canister.size() <= 29);
  // Strings of proto3 that were parsed are UTF-8.
  require(icws::ws::utf8_valid(command->url));
}

void check_send(const v1::SendRequest& request) {
  const auto commands = commands_of(request);
  if (!commands) return require(!commands.error().empty());
  require(commands->size() == static_cast<size_t>(request.messages_size()));
  for (const auto& command : *commands) {
    check_key(command.key);
    require(command.sequence > 0 && command.content.size() <= 2'000'000);
    require(command.kind == icws::replica::MessageKind::Text ||
            command.kind == icws::replica::MessageKind::Binary);
  }
}

void check_close(const v1::CloseRequest& request) {
  const auto command = command_of(request);
  if (!command) return require(!command.error().empty());
  check_key(command->key);
  require(command->code == request.code() && icws::ws::close_code_on_wire(command->code));
  require(command->reason.size() <= 123);
}

void check_events(const v1::EventsRequest& request) {
  const auto commands = commands_of(request);
  if (!commands) return require(request.acknowledgements_size() > 4'096);
  require(commands->size() == static_cast<size_t>(request.acknowledgements_size()));
}

template <class Request, class Check>
void parse(const uint8_t* data, size_t size, Check check) {
  Request request;
  if (request.ParseFromArray(data, static_cast<int>(size))) check(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  switch (data[0] % 5) {
    case 0:
      parse<v1::OpenRequest>(data + 1, size - 1, check_open);
      break;
    case 1:
      parse<v1::SendRequest>(data + 1, size - 1, check_send);
      break;
    case 2:
      parse<v1::CloseRequest>(data + 1, size - 1, check_close);
      break;
    case 3:
      parse<v1::EventsRequest>(data + 1, size - 1, check_events);
      break;
    case 4:
      parse<v1::StatusRequest>(data + 1, size - 1, [](const v1::StatusRequest&) {});
      break;
  }
  return 0;
}
