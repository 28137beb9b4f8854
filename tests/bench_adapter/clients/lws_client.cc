// icws-bench-client-libwebsockets URL
#include <libwebsockets.h>

#include <cstdlib>
#include <string>

#include "tests/bench_adapter/clients/rate_meter.h"

namespace {

// As large as the other clients' reads.
constexpr size_t kReadBytes = 64 * 1024;

icws::bench::RateMeter meter;
bool done = false;
bool failed = false;

int on_event(lws* client, lws_callback_reasons reason, void*, void*, size_t) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE:
      if (!lws_is_final_fragment(client) || lws_remaining_packet_payload(client) > 0) return 0;
      done = !meter.add(1);
      return done ? -1 : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
      failed = !done;
      done = true;
      return 0;
    default:
      return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string url = argv[1];
  lws_set_log_level(0, nullptr);
  const lws_protocols protocols[] = {{"bench", on_event, 0, kReadBytes, 0, nullptr, 0}, {}};
  lws_context_creation_info settings{};
  settings.port = CONTEXT_PORT_NO_LISTEN;
  settings.protocols = protocols;
  settings.pt_serv_buf_size = kReadBytes;
  lws_context* context = lws_create_context(&settings);
  if (context == nullptr) return 1;
  lws_client_connect_info connect{};
  connect.context = context;
  connect.address = connect.host = connect.origin = "127.0.0.1";
  connect.port = std::atoi(url.c_str() + url.rfind(':') + 1);
  connect.path = "/";
  connect.local_protocol_name = "bench";
  if (lws_client_connect_via_info(&connect) == nullptr) return 1;
  while (!done && lws_service(context, 0) >= 0) {
  }
  if (failed) return 1;
  meter.print();
  std::fflush(stdout);
  lws_context_destroy(context);
  return 0;
}
