#include "adapter/metrics.h"

#include <algorithm>
#include <charconv>

namespace icws::adapter {
namespace {

constexpr std::string_view kStateNames[] = {"connecting", "open", "closing", "ended"};
constexpr std::string_view kCodeNames[Metrics::kCodes] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}
std::string number(uint64_t value) { return std::to_string(value); }

// Writes families in the text format. Label values are this program's own names: nothing to escape.
class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ +=
        "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
  }
  template <class Number>
  void sample(Number value) {
    out_ += name_ + " " + number(value) + "\n";
  }
  template <class Number>
  void sample(std::string_view label, std::string_view label_value, Number value) {
    out_ += name_ + "{" + quoted(label, label_value) + "} " + number(value) + "\n";
  }
  void sample(const std::string& labels, uint64_t value) {
    out_ += name_ + "{" + labels + "} " + number(value) + "\n";
  }
  static std::string quoted(std::string_view label, std::string_view value) {
    return std::string(label) + "=\"" + std::string(value) + "\"";
  }

  template <class Number>
  void counter(std::string_view name, std::string_view help, Number value) {
    family(name, "counter", help);
    sample(value);
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, "gauge", help);
    sample(value);
  }
  void by_cause(std::string_view name, std::string_view help, const PerCause& counts) {
    family(name, "counter", help);
    for (uint32_t i = 1; i < counts.size(); ++i) {
      std::string cause(transcript::cause_name(static_cast<transcript::Cause>(i)));
      std::ranges::transform(cause, cause.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
      sample("cause", cause, counts[i]);
    }
  }
  void by_direction(std::string_view name, std::string_view help, uint64_t received, uint64_t sent) {
    family(name, "counter", help);
    sample("direction", "received", received);
    sample("direction", "sent", sent);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& histogram) {
    family(name, "histogram", help);
    uint64_t below = 0;
    const std::string base(name);
    for (size_t i = 0; i < Histogram::kBounds.size(); ++i) {
      below += histogram.bucket(i);
      out_ += base + "_bucket{le=\"" + number(Histogram::kBounds[i]) + "\"} " + number(below) + "\n";
    }
    out_ += base + "_bucket{le=\"+Inf\"} " + number(histogram.count()) + "\n";
    out_ += base + "_sum " + number(histogram.sum_seconds()) + "\n";
    out_ += base + "_count " + number(histogram.count()) + "\n";
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

uint64_t passed(const Metrics& metrics, const HubTotals& hub, Limit limit) {
  const uint64_t own = metrics.limits_passed[static_cast<size_t>(limit)];
  switch (limit) {
    case Limit::kEventsMax:
      return own + hub.events_max_passed;
    case Limit::kEventBytesMax:
      return own + hub.bytes_max_passed;
    case Limit::kEventBytesTotalMax:
      return own + hub.bytes_total_max_passed;
    default:
      return own;
  }
}

void write_counters(Writer& out, const Metrics& metrics, const HubTotals& hub) {
  out.counter("icws_adapter_opens_total", "Sockets that a replica asked for.", metrics.opens);
  out.counter("icws_adapter_opened_total", "Sockets that opened.", metrics.opened);
  out.counter("icws_adapter_open_retries_total", "Further tries after a transient failure.",
              metrics.open_retries);
  out.by_cause("icws_adapter_open_failures_total", "Sockets that did not open.", metrics.open_failures);
  out.by_cause("icws_adapter_ends_total", "Ends of open sockets.", metrics.ends);
  out.by_direction("icws_adapter_messages_total", "WebSocket messages.", metrics.received.messages,
                   metrics.sent.messages);
  out.by_direction("icws_adapter_bytes_total", "Bytes of WebSocket frames.", metrics.received.bytes,
                   metrics.sent.bytes);
  out.by_direction("icws_adapter_control_frames_total", "Pings, pongs and Close frames.",
                   metrics.received.control_frames, metrics.sent.control_frames);
  out.counter("icws_adapter_opened_compressed_total", "Sockets that opened with compression.",
              metrics.compressed);
  out.counter("icws_adapter_compressed_bytes_total", "Messages that came compressed, as they came.",
              metrics.compressed_bytes);
  out.counter("icws_adapter_inflated_bytes_total", "The same messages, inflated.", metrics.inflated_bytes);
  out.counter("icws_adapter_pauses_total", "Times that a socket stood because events were not acknowledged.",
              metrics.pauses);
  out.counter("icws_adapter_peers_refused_total", "Local processes that may not use the gRPC socket.",
              metrics.peers_refused);
  out.family("icws_adapter_reloads_total", "counter", "Times that the settings were read again.");
  out.sample("result", "taken", metrics.reloads);
  out.sample("result", "refused", metrics.reloads_refused);
  out.family("icws_adapter_calls_total", "counter", "Finished gRPC calls.");
  for (size_t method = 0; method < metrics.calls.size(); ++method) {
    for (size_t code = 0; code < Metrics::kCodes; ++code) {
      const uint64_t count = metrics.calls[method][code];
      if (count == 0 && code != 0) continue;
      out.sample(
          Writer::quoted("method", kCallMethodNames[method]) + "," + Writer::quoted("code", kCodeNames[code]),
          count);
    }
  }
  out.family("icws_adapter_limits_passed_total", "counter", "Times that a limit or deadline was reached.");
  for (size_t i = 0; i < kLimits; ++i) {
    out.sample("limit", kLimitNames[i], passed(metrics, hub, static_cast<Limit>(i)));
  }
}

void write_gauges(Writer& out, const Gauges& gauges) {
  out.family("icws_adapter_info", "gauge", "1, with the version.");
  out.sample("version", gauges.version, uint64_t{1});
  out.family("icws_adapter_connections", "gauge",
             "Sockets by state; ended ones are those that the replica has not closed.");
  for (size_t i = 0; i < gauges.connections.size(); ++i) {
    out.sample("state", kStateNames[i], gauges.connections[i]);
  }
  out.gauge("icws_adapter_connections_paused", "Sockets that are not read until events are acknowledged.",
            gauges.connections_paused);
  out.gauge("icws_adapter_buffered_events", "Events that are not acknowledged.", gauges.hub.events);
  out.gauge("icws_adapter_buffered_bytes", "Their bytes.", gauges.hub.bytes);
  out.gauge("icws_adapter_subscribers", "1 while a replica listens to events.", gauges.hub.subscribers);
  out.gauge("icws_adapter_lookups", "Names being looked up or waiting for it.", gauges.lookups);
  out.family("icws_adapter_log_lines_total", "counter", "Lines of the log.");
  for (size_t i = 0; i < gauges.log.lines.size(); ++i) {
    out.sample("level", kLogLevelNames[i], gauges.log.lines[i]);
  }
  out.counter("icws_adapter_log_lines_suppressed_total", "Lines that were kept back or could not be written.",
              gauges.log.suppressed);
  out.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.",
            gauges.start_time_seconds);
  out.gauge("process_resident_memory_bytes", "Resident memory.", gauges.process.resident_bytes);
  out.counter("process_cpu_seconds_total", "User and system CPU time.", gauges.process.cpu_seconds);
}

}  // namespace

void Histogram::observe(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bound = std::ranges::lower_bound(kBounds, seconds);
  if (bound != kBounds.end()) ++buckets_[static_cast<size_t>(bound - kBounds.begin())];
  ++count_;
  sum_seconds_ += seconds;
}

void Metrics::count_call(CallMethod method, int code) {
  constexpr size_t kUnknown = 2;
  const size_t index = code >= 0 && static_cast<size_t>(code) < kCodes ? static_cast<size_t>(code) : kUnknown;
  calls[static_cast<size_t>(method)][index].fetch_add(1, std::memory_order_relaxed);
}

std::string exposition(const Metrics& metrics, const Gauges& gauges) {
  Writer out;
  write_counters(out, metrics, gauges.hub);
  write_gauges(out, gauges);
  out.histogram("icws_adapter_connect_seconds", "TCP connections that came about.", metrics.connect);
  out.histogram("icws_adapter_tls_seconds", "TLS handshakes that succeeded.", metrics.tls);
  out.histogram("icws_adapter_upgrade_seconds", "WebSocket handshakes that succeeded.", metrics.upgrade);
  out.histogram("icws_adapter_first_byte_seconds", "From the handshake to the server's first byte.",
                metrics.first_byte);
  out.histogram("icws_adapter_acknowledge_seconds",
                "From an event to its acknowledgement; one event of each socket at a time is measured.",
                gauges.hub.acknowledge);
  return out.take();
}

}  // namespace icws::adapter
