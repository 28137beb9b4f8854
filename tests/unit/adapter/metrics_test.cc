// Counters and histograms, and their text.
#include "adapter/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "adapter/config_table.h"
#include "tests/support/child_process.h"

namespace icws::adapter {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(Histogram, CountsAtTheEdgesOfItsBuckets) {
  Histogram histogram;
  histogram.observe(milliseconds(1));      // le 0.001
  histogram.observe(microseconds(1'001));  // le 0.0025
  histogram.observe(seconds(30));          // le 30
  histogram.observe(seconds(31));          // +Inf
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(1), 1U);
  EXPECT_EQ(histogram.bucket(Histogram::kBounds.size() - 1), 1U);
  EXPECT_EQ(histogram.count(), 4U);
  EXPECT_NEAR(histogram.sum_seconds(), 61.002001, 1e-9);
}

TEST(Exposition, WritesEachKind) {
  Metrics metrics;
  metrics.opens = 7;
  metrics.open_failures[static_cast<size_t>(transcript::Cause::AddressDenied)] = 2;
  metrics.received.bytes = 123'456'789'012;
  metrics.pass(Limit::kDnsTimeout);
  metrics.count_call(CallMethod::kSend, 8);
  metrics.count_call(CallMethod::kSend, 99);
  metrics.connect.observe(milliseconds(3));
  metrics.connect.observe(milliseconds(300));
  Gauges gauges;
  gauges.version = "1.2.3";
  gauges.connections[1] = 5;
  const auto text = exposition(metrics, gauges);
  EXPECT_THAT(text, HasSubstr("# TYPE icws_adapter_opens_total counter\nicws_adapter_opens_total 7\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_open_failures_total{cause=\"address_denied\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_bytes_total{direction=\"received\"} 123456789012\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_limits_passed_total{limit=\"dns_timeout\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_limits_passed_total{limit=\"tls_timeout\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_calls_total{method=\"Send\",code=\"RESOURCE_EXHAUSTED\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_calls_total{method=\"Send\",code=\"UNKNOWN\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_connections{state=\"open\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_connect_seconds_bucket{le=\"0.0025\"} 0\n"
                              "icws_adapter_connect_seconds_bucket{le=\"0.005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_connect_seconds_bucket{le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("icws_adapter_connect_seconds_bucket{le=\"+Inf\"} 2\n"
                              "icws_adapter_connect_seconds_sum 0.303\n"
                              "icws_adapter_connect_seconds_count 2\n"));
}

TEST(Exposition, AddsWhatTheHubCounted) {
  Metrics metrics;
  metrics.pass(Limit::kEventsMax);
  Gauges gauges;
  gauges.hub.events_max_passed = 2;
  gauges.hub.bytes_max_passed = 3;
  gauges.hub.bytes_total_max_passed = 4;
  const auto text = exposition(metrics, gauges);
  EXPECT_THAT(text, HasSubstr("{limit=\"events_max\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("{limit=\"event_bytes_max\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("{limit=\"event_bytes_total_max\"} 4\n"));
}

TEST(ProcessUsage, KnowsThisProcess) {
  const auto usage = process_usage();
  EXPECT_GT(usage.resident_bytes, 1'000'000U);
  EXPECT_GT(usage.cpu_seconds, 0.0);
}

std::string read(const std::string& relative) {
  std::ifstream file(support::source_file(relative));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every name of a series: a histogram has three.
std::set<std::string> series() {
  std::istringstream lines(exposition(Metrics{}, Gauges{}));
  std::set<std::string> out;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, type;
    words >> hash >> keyword >> name >> type;
    if (keyword != "TYPE") continue;
    if (type != "histogram") out.insert(name);
    if (type == "histogram") out.insert({name + "_bucket", name + "_sum", name + "_count"});
  }
  return out;
}

// The names of our series in a text.
std::set<std::string> names_in(const std::string& text) {
  static const std::regex kName("(icws_adapter|process)_[a-z_]+");
  std::set<std::string> out;
  for (std::sregex_iterator found(text.begin(), text.end(), kName), end; found != end; ++found) {
    out.insert(found->str());
  }
  return out;
}

TEST(Dashboard, UsesOnlySeriesThatExistAndMostOfThem) {
  const auto dashboard = boost::json::parse(read("deploy/grafana-dashboard.json"));
  std::string expressions;
  for (const auto& panel : dashboard.at("panels").as_array()) {
    for (const auto& target : panel.at("targets").as_array()) {
      expressions += std::string(target.at("expr").as_string()) + "\n";
    }
  }
  const auto known = series();
  const auto used = names_in(expressions);
  for (const auto& name : used) EXPECT_TRUE(known.contains(name)) << name;
  for (const auto& name : known) {
    // Means are not shown: quantiles are.
    if (name.ends_with("_seconds_sum") || name.ends_with("_seconds_count")) continue;
    EXPECT_TRUE(used.contains(name)) << name << " is in no panel";
  }
}

// A setting that bounds something is counted when it is passed: it needs a Limit of its name.
TEST(Limits, EachSettingThatIsOneHasAMetric) {
  for (const auto& setting : settings()) {
    if (!setting.name.ends_with("_max") && !setting.name.ends_with("_timeout")) continue;
    EXPECT_EQ(std::ranges::count(kLimitNames, setting.name), 1) << setting.name;
  }
}

}  // namespace
}  // namespace icws::adapter
