#include "adapter/dialer.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "adapter/connect_race.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Address = asio::ip::address;
using Clock = std::chrono::steady_clock;
using transcript::Cause;

// Of a failure's sentence that lists denied addresses.
constexpr size_t kDeniedTextMax = 200;

Failure connect_failure(const boost::system::error_code& error, const std::string& where) {
  if (error == asio::error::connection_refused) {
    return {Cause::ConnectionRefused, where + " refused the connection", true};
  }
  return {Cause::Connection, "cannot connect to " + where + ": " + error.message(), true};
}

// Of several attempts' failures the one that says most: somebody answered, nobody did, there was no way.
int weight(const Failure& failure) {
  switch (failure.cause) {
    case Cause::ConnectionRefused:
      return 4;
    case Cause::Timeout:
      return 3;
    case Cause::LimitExceeded:
      return 2;
    default:
      return 1;
  }
}

// What: one race under way, shared with the handlers of its waits, which only note what happened and wake the
// coroutine that decides.
class Race {
 public:
  Race(asio::any_io_executor executor, const DialTarget& target, const AdapterConfig& config,
       const EgressPolicy& policy, OpenLimiter& limiter, Metrics& metrics)
      : news(executor),
        executor_(std::move(executor)),
        target_(target),
        config_(config),
        policy_(policy),
        limiter_(limiter),
        metrics_(metrics),
        schedule_(settings(config)),
        look_up_deadline_(Clock::now() + config.dns_timeout) {}

  static void begin(const std::shared_ptr<Race>& self, Resolver& resolver) {
    self->self_ = self;
    if (self->target_.is_literal) {
      self->add_literal();
      return;
    }
    self->look_up_ = resolver.start(self->target_.host, self->target_.canister,
                                    [weak = self->self_](Family family, Addresses addresses) {
                                      const auto race = weak.lock();
                                      if (!race) return;
                                      race->answers_[static_cast<size_t>(family)] = std::move(addresses);
                                      race->news.cancel();
                                    });
  }

  // Takes in what happened and starts what is due. True: the race has ended.
  bool step() {
    const auto now = Clock::now();
    take_answers(now);
    take_results(now);
    while (!winner_) {
      const auto address = schedule_.next(now);
      if (!address) break;
      start(*address, now);
    }
    if (!winner_ && schedule_.over() && schedule_.waiting()) metrics_.pass(Limit::kAddressesMax);
    return winner_ || schedule_.over();
  }

  Clock::time_point wake() const {
    auto out = schedule_.wake().value_or(Clock::time_point::max());
    if (!looked_up()) out = std::min(out, look_up_deadline_);
    for (const auto& attempt : attempts_) out = std::min(out, attempt->deadline);
    return out;
  }

  // Ends everything that is under way.
  void stop() {
    look_up_.reset();
    for (const auto& attempt : attempts_) close(*attempt);
  }

  std::expected<Dialed, Failure> result(bool expired) {
    if (winner_) return std::move(*winner_);
    if (failure_) return std::unexpected(std::move(*failure_));
    if (expired) return std::unexpected(timeout("connecting to " + target_.host, Limit::kConnectTimeout));
    if (!denied_.empty()) {
      return std::unexpected(Failure{
          Cause::AddressDenied,
          "the egress policy denies " + denied_ + "; the operator may allow it with --allow-network", false});
    }
    if (look_up_failure_) return std::unexpected(std::move(*look_up_failure_));
    return std::unexpected(Failure{Cause::NameResolution, "\"" + target_.host + "\" has no address", false});
  }

  asio::steady_timer news;

 private:
  struct Attempt {
    Attempt(const asio::any_io_executor& executor, const Address& address, Clock::time_point begun,
            Clock::time_point deadline)
        : socket(executor), address(address), begun(begun), deadline(deadline) {}
    Tcp::socket socket;
    const Address address;
    OpenLimiter::Place place;
    const Clock::time_point begun;
    const Clock::time_point deadline;
    std::optional<boost::system::error_code> result;
  };

  static RaceSettings settings(const AdapterConfig& config) {
    RaceSettings out;
    out.addresses_max = config.addresses_max;
    return out;
  }

  static Failure timeout(const std::string& what, Limit limit) {
    return {Cause::Timeout, what + " took too long", true, limit};
  }

  static void close(Attempt& attempt) {
    boost::system::error_code ignored;
    attempt.socket.close(ignored);
  }

  bool looked_up() const { return taken_[0] && taken_[1]; }

  bool admitted(const Address& address) {
    if (!target_.judged) return true;
    const auto verdict = policy_.check(address);
    if (!verdict && denied_.size() < kDeniedTextMax) {
      denied_ += (denied_.empty() ? "" : ", ") + address.to_string() + " (" + verdict.error() + ")";
    }
    return verdict.has_value();
  }

  void add_literal() {
    const auto address = asio::ip::make_address(target_.host);
    taken_ = {true, true};
    if (admitted(address)) {
      schedule_.only(address, Clock::now());
    } else {
      for (const Family family : kFamilies) schedule_.resolved(family, {}, Clock::now());
    }
  }

  void take_answers(Clock::time_point now) {
    for (const Family family : kFamilies) {
      const auto index = static_cast<size_t>(family);
      if (taken_[index]) continue;
      auto& answer = answers_[index];
      if (!answer && now >= look_up_deadline_) {
        answer = std::unexpected(timeout("looking up \"" + target_.host + "\"", Limit::kDnsTimeout));
      }
      if (!answer) continue;
      taken_[index] = true;
      std::vector<Address> addresses;
      if (!*answer) {
        // The one that may be worth another try is kept.
        if (!look_up_failure_ || answer->error().transient) look_up_failure_ = answer->error();
      } else {
        std::ranges::copy_if(**answer, std::back_inserter(addresses),
                             [&](const auto& address) { return admitted(address); });
      }
      schedule_.resolved(family, addresses, now);
    }
    if (looked_up()) look_up_.reset();
  }

  void take_results(Clock::time_point now) {
    for (size_t i = 0; i < attempts_.size() && !winner_;) {
      auto& attempt = *attempts_[i];
      if (!attempt.result && now < attempt.deadline) {
        ++i;
        continue;
      }
      const auto where = endpoint_text(attempt.address, target_.port);
      auto failure =
          attempt.result ? finish(attempt, where) : timeout("connecting to " + where, Limit::kConnectTimeout);
      if (!failure) break;
      const bool newest = i + 1 == attempts_.size();
      close(attempt);
      attempts_.erase(attempts_.begin() + static_cast<ptrdiff_t>(i));
      fail(std::move(*failure), newest, now);
    }
  }

  // A connected attempt becomes the winner.
  std::optional<Failure> finish(Attempt& attempt, const std::string& where) {
    boost::system::error_code error = *attempt.result;
    if (error) return connect_failure(error, where);
    const auto peer = attempt.socket.remote_endpoint(error);
    if (error) return connect_failure(error, where);
    if (peer.address() != attempt.address || (target_.judged && !policy_.check(peer.address()))) {
      return Failure{Cause::AddressDenied, "connected to another address than was checked", false};
    }
    attempt.socket.non_blocking(true, error);
    if (!error) attempt.socket.set_option(Tcp::no_delay(true), error);
    if (error) return connect_failure(error, where);
    metrics_.connect.observe(Clock::now() - attempt.begun);
    winner_.emplace(Dialed{std::move(attempt.socket), std::move(attempt.place)});
    return std::nullopt;
  }

  void fail(Failure failure, bool newest, Clock::time_point now) {
    if (!failure_ || weight(failure) >= weight(*failure_)) failure_ = std::move(failure);
    schedule_.failed(newest, now);
  }

  void start(const Address& address, Clock::time_point now) {
    const auto where = endpoint_text(address, target_.port);
    OpenLimiter::Place place;
    if (target_.counted) {
      auto entered = limiter_.enter_destination(where, now);
      const auto taken = limiter_.take_attempt(where, now);
      if (!entered || !taken) {
        const auto limit = entered ? taken.error() : entered.error();
        fail({Cause::LimitExceeded, where + ": " + limit_text(limit), true, limit}, true, now);
        return;
      }
      place = std::move(*entered);
    }
    const auto attempt = std::make_shared<Attempt>(executor_, address, now, now + config_.connect_timeout);
    attempt->place = std::move(place);
    const Tcp::endpoint endpoint(address, target_.port);
    boost::system::error_code error;
    attempt->socket.open(endpoint.protocol(), error);
    if (error) {
      fail(connect_failure(error, where), true, now);
      return;
    }
    attempts_.push_back(attempt);
    attempt->socket.async_connect(
        endpoint, [race = self_, weak = std::weak_ptr(attempt)](const boost::system::error_code& result) {
          const auto same = weak.lock();
          if (same) same->result = result;
          if (const auto running = race.lock()) running->news.cancel();
        });
  }

  const asio::any_io_executor executor_;
  const DialTarget target_;
  const AdapterConfig& config_;
  const EgressPolicy& policy_;
  OpenLimiter& limiter_;
  Metrics& metrics_;
  std::weak_ptr<Race> self_;
  ConnectRace schedule_;
  std::unique_ptr<LookUp> look_up_;
  const Clock::time_point look_up_deadline_;
  std::array<std::optional<Addresses>, 2> answers_;
  std::array<bool, 2> taken_{};
  std::optional<Failure> look_up_failure_;
  std::string denied_;
  // Under way, oldest first.
  std::vector<std::shared_ptr<Attempt>> attempts_;
  std::optional<Failure> failure_;
  std::optional<Dialed> winner_;
};

}  // namespace

std::string endpoint_text(const Address& address, uint16_t port) {
  const auto text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

asio::awaitable<std::expected<Dialed, Failure>> Dialer::dial(DialTarget target, Watchdog& watchdog) {
  const auto executor = co_await asio::this_coro::executor;
  const auto race = std::make_shared<Race>(executor, target, config_, policy_, limiter_, metrics_);
  Race::begin(race, resolver_);
  bool expired = false;
  watchdog.arm(config_.dns_timeout + config_.connect_timeout, [&expired, &race] {
    expired = true;
    race->news.cancel();
  });
  while (!race->step() && !expired) {
    race->news.expires_at(race->wake());
    co_await race->news.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  watchdog.disarm();
  race->stop();
  co_return race->result(expired);
}

}  // namespace icws::adapter
