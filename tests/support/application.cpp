// SPDX-License-Identifier: Apache-2.0
// application [--serve PORT] [--ask ADDRESS:PORT]... [--linger MILLISECONDS]: what runs in the Pods
// of tests/pods. Serves GET with "the application\n" over HTTP/1.1, and asks each address without
// pause, one client over a kept connection and one with a connection for each request. SIGTERM:
// goes on for the lingering time, answering with "connection: close", then ends with 0 and says in
// one line of JSON what it has served and asked, and why requests failed.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "common/unique_fd.hpp"
#include "tests/support/net_namespace.hpp"

namespace weir::tests {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPause{2};
constexpr int kPatienceSeconds = 30;
constexpr std::string_view kBody = "the application\n";

std::atomic<bool> ending{false};  // answers say so
std::atomic<bool> ended{false};   // nobody asks any more
std::atomic<unsigned> served{0};

/// What the clients have seen; all threads.
class Record {
 public:
  void count(const std::string& failure) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    if (!failure.empty()) ++failures_[failure];
  }

  void print() {
    const std::lock_guard lock(mutex_);
    std::printf("{\"served\": %u, \"asked\": %u, \"failures\": {", served.load(), asked_);
    const char* separator = "";
    for (const auto& [what, number] : failures_) {
      std::printf("%s\"%s\": %u", separator, what.c_str(), number);
      separator = ", ";
    }
    std::printf("}}\n");
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
  unsigned asked_ = 0;
  std::map<std::string, unsigned> failures_;
};

bool send_all(int fd, std::string_view data) {
  return ::send(fd, data.data(), data.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(data.size());
}

/// Reads to the end of a head. False: the peer ended or errno says.
bool read_head(int fd, std::string& buffer) {
  char block[4096];
  while (buffer.find("\r\n\r\n") == std::string::npos) {
    errno = 0;
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got <= 0) return false;
    buffer.append(block, static_cast<std::size_t>(got));
  }
  return true;
}

void serve_client(UniqueFd client) {
  std::string buffer;
  while (read_head(client.get(), buffer)) {
    buffer.erase(0, buffer.find("\r\n\r\n") + 4);
    const bool last = ending;
    std::string answer = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: " +
                         std::to_string(kBody.size()) + "\r\n";
    if (last) answer += "connection: close\r\n";
    if (!send_all(client.get(), answer.append("\r\n").append(kBody))) return;
    ++served;
    if (last) return;
  }
}

UniqueFd listen_on(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto any = parse_endpoint("0.0.0.0", port);
  if (::bind(fd.get(), any->address(), any->length) != 0 || ::listen(fd.get(), SOMAXCONN) != 0) {
    std::fprintf(stderr, "application: port %u: %s\n", port, std::strerror(errno));
    std::exit(1);
  }
  return fd;
}

void serve(int listening) {
  for (;;)
    if (UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)); client.get() >= 0)
      std::thread(serve_client, std::move(client)).detach();
}

std::string connect_to(const Endpoint& to, UniqueFd& out) {
  out.reset(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{kPatienceSeconds, 0};
  const int on = 1;
  ::setsockopt(out.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(out.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(out.get(), to.address(), to.length) == 0) return {};
  return std::string("connect: ") + std::strerror(errno);
}

/// One request; what was wrong. `goes`: the server closes the connection after its answer.
std::string ask_once(int fd, const std::string& request, bool& goes) {
  if (!send_all(fd, request)) return std::string("send: ") + std::strerror(errno);
  std::string answer;
  if (!read_head(fd, answer))
    return answer.empty() && errno == 0 ? "closed" : std::string("answer: ") + std::strerror(errno);
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  if (answer.compare(9, 3, "200") != 0) return "status " + answer.substr(9, 3);
  char block[256];
  while (answer.size() < body + kBody.size()) {
    errno = 0;
    const ssize_t got = ::recv(fd, block, sizeof block, 0);
    if (got <= 0) return std::string("body: ") + std::strerror(errno);
    answer.append(block, static_cast<std::size_t>(got));
  }
  goes = answer.substr(0, body).find("connection: close") != std::string::npos;
  return answer.compare(body, std::string::npos, kBody) == 0 ? "" : "another body";
}

void ask(const Endpoint& to, bool keep, Record& record) {
  const std::string request = "GET / HTTP/1.1\r\nhost: " + render_endpoint(to) +
                              (keep ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n");
  UniqueFd connection;
  while (!ended) {
    std::string failure;
    bool goes = !keep;
    if (connection.get() < 0) failure = connect_to(to, connection);
    if (failure.empty()) failure = ask_once(connection.get(), request, goes);
    record.count(failure);
    if (goes || !failure.empty()) connection.reset();
    std::this_thread::sleep_for(kPause);
  }
}

struct Options {
  std::optional<std::uint16_t> port;
  std::vector<Endpoint> asked;
  milliseconds linger{0};
};

std::optional<Options> read_options(int argc, char** argv) {
  Options out;
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string flag = argv[at], value = argv[at + 1];
    if (flag == "--serve") {
      out.port = static_cast<std::uint16_t>(std::atoi(value.c_str()));
    } else if (flag == "--linger") {
      out.linger = milliseconds(std::atoi(value.c_str()));
    } else if (const auto colon = value.rfind(':'); flag == "--ask" && colon != std::string::npos) {
      const auto to = parse_endpoint(
          value.substr(0, colon), static_cast<std::uint16_t>(std::atoi(value.c_str() + colon + 1)));
      if (!to) return std::nullopt;
      out.asked.push_back(*to);
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0) return std::nullopt;
  return out;
}

int run(const Options& options) {
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  UniqueFd listening;
  if (options.port) listening = listen_on(*options.port);
  if (options.port) std::thread(serve, listening.get()).detach();
  Record record;
  std::vector<std::thread> clients;
  for (const Endpoint& to : options.asked)
    for (const bool keep : {true, false})
      clients.emplace_back([&, keep] { ask(to, keep, record); });
  int number = 0;
  sigwait(&waited, &number);
  ending = true;
  std::this_thread::sleep_for(options.linger);
  ended = true;
  for (std::thread& client : clients) client.join();
  record.print();
  std::_Exit(0);  // the threads that serve have no end
}

}  // namespace
}  // namespace weir::tests

int main(int argc, char** argv) {
  const auto options = weir::tests::read_options(argc, argv);
  if (options) return weir::tests::run(*options);
  std::fprintf(stderr,
               "application: [--serve PORT] [--ask ADDRESS:PORT]... [--linger MILLISECONDS]\n");
  return 2;
}
