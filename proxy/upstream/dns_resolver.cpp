// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/dns_resolver.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include <ares.h>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"
#include "common/socket_address.hpp"

namespace weir::upstream {
namespace {

using config::DnsLookupFamily;

/// The families to ask for, in order.
std::vector<int> plan_families(DnsLookupFamily family) {
  switch (family) {
    case DnsLookupFamily::v4_only:
      return {AF_INET};
    case DnsLookupFamily::v6_only:
      return {AF_INET6};
    case DnsLookupFamily::v4_preferred:
      return {AF_INET, AF_INET6};
    case DnsLookupFamily::automatic:
    case DnsLookupFamily::all:
      return {AF_INET6, AF_INET};
  }
  return {};
}

std::string describe_status(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "no such name";
    case ARES_ESERVFAIL:
      return "the server failed (SERVFAIL)";
    case ARES_EREFUSED:
      return "the server refused (REFUSED)";
    case ARES_ETIMEOUT:
      return "no server answered";
    case ARES_ECONNREFUSED:
      return "no server could be reached";
    case ARES_EBADNAME:
      return "not a DNS name";
    default:
      return ares_strerror(status);
  }
}

/// The servers may have changed in /etc/resolv.conf when a lookup ends like this.
bool blames_servers(int status) {
  return status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED || status == ARES_ESERVFAIL ||
         status == ARES_EREFUSED;
}

void append_answer(const ares_addrinfo& info, DnsAnswer& answer) {
  int ttl = -1;
  const auto lower_ttl = [&ttl](int value) { ttl = ttl < 0 ? value : std::min(ttl, value); };
  for (const ares_addrinfo_node* node = info.nodes; node; node = node->ai_next) {
    SocketAddress address;
    std::memcpy(&address.generic, node->ai_addr,
                std::min<std::size_t>(node->ai_addrlen, address.length));
    const IpAddress ip = address.endpoint().address;
    if (std::find(answer.addresses.begin(), answer.addresses.end(), ip) == answer.addresses.end())
      answer.addresses.push_back(ip);
    lower_ttl(node->ai_ttl);
  }
  for (const ares_addrinfo_cname* cname = info.cnames; cname; cname = cname->next)
    lower_ttl(cname->ttl);
  if (ttl <= 0) return;
  const std::chrono::seconds found(ttl);
  answer.ttl = answer.ttl.count() == 0 ? found : std::min(answer.ttl, found);
}

std::string render_servers(const std::vector<Endpoint>& servers) {
  std::string out;
  for (const Endpoint& server : servers) out += (out.empty() ? "" : ",") + server.to_string();
  return out;
}

}  // namespace

struct DnsQuery::State {
  State(asio::io_context& io, std::string asked, DnsResolver::Callback on_done)
      : name(std::move(asked)), callback(std::move(on_done)), deadline(io) {}

  std::string name;
  DnsResolver::Callback callback;  // empty once answered or cancelled
  asio::steady_timer deadline;
  std::vector<int> families;  // still to ask
  bool ask_all = false;
  DnsAnswer answer;
  bool name_exists = false;
  int last_failure = ARES_SUCCESS;

  void cancel() {
    callback = nullptr;
    deadline.cancel();
  }
};

DnsQuery::DnsQuery(std::shared_ptr<State> state) : state_(std::move(state)) {}

DnsQuery::~DnsQuery() {
  if (state_) state_->cancel();
}

DnsQuery& DnsQuery::operator=(DnsQuery&& other) noexcept {
  if (this == &other) return *this;
  if (state_) state_->cancel();
  state_ = std::move(other.state_);
  return *this;
}

/// One c-ares channel with its sockets watched by asio. Made when the first name is looked up, so
/// that a proxy without DNS clusters reads no resolv.conf.
class DnsResolver::Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(asio::io_context& io, DnsOptions options)
      : io_(io), options_(std::move(options)), timer_(io) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() { close(); }

  DnsQuery start(const std::string& name, DnsLookupFamily family, Callback callback);

 private:
  using StatePtr = std::shared_ptr<DnsQuery::State>;
  struct Watched {
    explicit Watched(asio::io_context& io, int fd) : descriptor(io, fd) {}
    asio::posix::stream_descriptor descriptor;
    bool want_read = false, want_write = false;  // what c-ares asked for
    bool reading = false, writing = false;       // a wait is pending
    bool gone = false;
  };
  using WatchedPtr = std::shared_ptr<Watched>;
  /// What c-ares carries for us through one lookup; freed when it reports.
  struct Ticket {
    Channel* channel;
    StatePtr state;
  };

  int open();
  void close();
  void ask_next(const StatePtr& state);
  void on_lookup(const StatePtr& state, int status, ares_addrinfo* info);
  void finish(const StatePtr& state);
  void report(const StatePtr& state, Result<DnsAnswer> result);
  void watch(int fd, bool readable, bool writable);
  void arm(const WatchedPtr& watched, int fd);
  void process(int readable_fd, int writable_fd);
  void arm_timer();

  asio::io_context& io_;
  const DnsOptions options_;
  ares_channel channel_ = nullptr;
  asio::steady_timer timer_;
  std::map<int, WatchedPtr> watched_;
  std::size_t pending_ = 0;
  bool stale_ = false;  // read /etc/resolv.conf again before the next lookup
};

int DnsResolver::Channel::open() {
  if (channel_ && stale_ && pending_ == 0) close();
  if (channel_) return ARES_SUCCESS;
  stale_ = false;
  ares_options options{};
  int mask = ARES_OPT_SOCK_STATE_CB;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<Channel*>(self)->watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  if (options_.per_try.count() > 0) {
    mask |= ARES_OPT_TIMEOUTMS;
    options.timeout = static_cast<int>(options_.per_try.count());
  }
  if (const int status = ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return status;
  }
  if (options_.servers.empty()) return ARES_SUCCESS;
  return ares_set_servers_ports_csv(channel_, render_servers(options_.servers).c_str());
}

void DnsResolver::Channel::close() {
  timer_.cancel();
  // Calls every pending lookup back with ARES_EDESTRUCTION and un-watches every socket.
  if (channel_) ares_destroy(std::exchange(channel_, nullptr));
}

DnsQuery DnsResolver::Channel::start(const std::string& name, DnsLookupFamily family,
                                     Callback callback) {
  auto state = std::make_shared<DnsQuery::State>(io_, name, std::move(callback));
  state->families = plan_families(family);
  state->ask_all = family == DnsLookupFamily::all;
  state->deadline.expires_after(options_.deadline);
  state->deadline.async_wait([weak = weak_from_this(), state](const std::error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->report(state, Error{"dns '" + state->name + "': no answer within " +
                              std::to_string(self->options_.deadline.count()) + " ms"});
  });
  if (const auto literal = IpAddress::parse(name); literal) {
    state->answer.addresses = {*literal};
    state->families.clear();
  }
  asio::post(io_, [weak = weak_from_this(), state] {
    if (const auto self = weak.lock()) self->ask_next(state);
  });
  return DnsQuery(std::move(state));
}

void DnsResolver::Channel::ask_next(const StatePtr& state) {
  if (!state->callback) return;
  const bool enough = !state->answer.addresses.empty() && !state->ask_all;
  if (state->families.empty() || enough) return finish(state);
  ares_addrinfo_hints hints{};
  hints.ai_family = state->families.front();
  // No sorting: it would open a socket per address to learn our source address.
  hints.ai_flags = ARES_AI_NOSORT;
  state->families.erase(state->families.begin());
  if (const int status = open(); status != ARES_SUCCESS) {
    state->last_failure = status;
    return finish(state);
  }
  ++pending_;
  ares_getaddrinfo(
      channel_, state->name.c_str(), nullptr, &hints,
      [](void* argument, int status, int, ares_addrinfo* info) {
        const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(argument));
        ticket->channel->on_lookup(ticket->state, status, info);
      },
      new Ticket{this, state});
  arm_timer();
}

void DnsResolver::Channel::on_lookup(const StatePtr& state, int status, ares_addrinfo* info) {
  --pending_;
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(info, ares_freeaddrinfo);
  if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
  if (status == ARES_SUCCESS || status == ARES_ENODATA) {
    state->name_exists = true;
    if (info) append_answer(*info, state->answer);
  } else {
    state->last_failure = status;
    stale_ = stale_ || blames_servers(status);
  }
  // c-ares may call from inside ares_getaddrinfo: go on from the event loop.
  asio::post(io_, [weak = weak_from_this(), state] {
    if (const auto self = weak.lock()) self->ask_next(state);
  });
}

void DnsResolver::Channel::finish(const StatePtr& state) {
  if (state->answer.addresses.empty() && state->last_failure != ARES_SUCCESS && !state->name_exists)
    return report(state,
                  Error{"dns '" + state->name + "': " + describe_status(state->last_failure)});
  report(state, std::move(state->answer));
}

void DnsResolver::Channel::report(const StatePtr& state, Result<DnsAnswer> result) {
  const Callback callback = std::exchange(state->callback, nullptr);
  state->deadline.cancel();
  if (!callback) return;
  if (result)
    log::debug(log::Component::dns, "dns '{}': {} addresses, ttl {} s", state->name,
               result->addresses.size(), result->ttl.count());
  else
    log::debug(log::Component::dns, "{}", result.error().message);
  callback(std::move(result));
}

void DnsResolver::Channel::watch(int fd, bool readable, bool writable) {
  auto found = watched_.find(fd);
  if (!readable && !writable) {
    if (found == watched_.end()) return;
    found->second->gone = true;
    found->second->descriptor.release();  // c-ares closes it
    watched_.erase(found);
    return;
  }
  if (found == watched_.end())
    found = watched_.emplace(fd, std::make_shared<Watched>(io_, fd)).first;
  found->second->want_read = readable;
  found->second->want_write = writable;
  arm(found->second, fd);
}

void DnsResolver::Channel::arm(const WatchedPtr& watched, int fd) {
  using asio::posix::stream_descriptor;
  if (watched->want_read && !std::exchange(watched->reading, true))
    watched->descriptor.async_wait(
        stream_descriptor::wait_read,
        [weak = weak_from_this(), watched, fd](const std::error_code& error) {
          watched->reading = false;
          const auto self = weak.lock();
          if (error || !self || watched->gone) return;
          self->process(fd, ARES_SOCKET_BAD);
          if (!watched->gone) self->arm(watched, fd);
        });
  if (watched->want_write && !std::exchange(watched->writing, true))
    watched->descriptor.async_wait(
        stream_descriptor::wait_write,
        [weak = weak_from_this(), watched, fd](const std::error_code& error) {
          watched->writing = false;
          const auto self = weak.lock();
          if (error || !self || watched->gone) return;
          self->process(ARES_SOCKET_BAD, fd);
          if (!watched->gone) self->arm(watched, fd);
        });
}

void DnsResolver::Channel::process(int readable_fd, int writable_fd) {
  ares_process_fd(channel_, readable_fd, writable_fd);
  arm_timer();
}

void DnsResolver::Channel::arm_timer() {
  timeval left{};
  if (!channel_ || !ares_timeout(channel_, nullptr, &left)) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
  timer_.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && self->channel_) self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

DnsResolver::DnsResolver(asio::io_context& io, DnsOptions options)
    : channel_(std::make_shared<Channel>(io, std::move(options))) {}

DnsResolver::~DnsResolver() = default;

DnsQuery DnsResolver::resolve(const std::string& name, config::DnsLookupFamily family,
                              Callback callback) {
  return channel_->start(name, family, std::move(callback));
}

}  // namespace weir::upstream
