// SPDX-License-Identifier: Apache-2.0
// A delta ADS server for one client: it sends what it has at once, and keeps no time of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "bench/tools/control_resources.hpp"

namespace bench {

class ControlServer {
 public:
  ControlServer();
  ~ControlServer();

  // Listens on 127.0.0.1:port; ends the program on failure.
  void listen(int port);

  // Changes resources under the lock and sends those that were named. Returns the number of the
  // response, 0 when nobody wants them.
  using Changes = std::vector<std::pair<std::string, std::vector<std::string>>>;  // type, names
  std::uint64_t change(const std::function<Changes(std::map<std::string, Resources>&)>& edit);

  // Waits until the response was answered; false when it was not in time.
  bool wait_for_answer(std::uint64_t response, double seconds);

  // When the first request of the client came; 0: none has.
  std::int64_t first_request_ns();
  std::uint64_t refused();

 private:
  class Stream;
  class Service;
  struct Type {
    bool all = false;
    std::set<std::string> names;
    bool asked = false;
  };

  void on_request(const std::string& bytes);
  void on_closed(const Stream* stream);
  std::uint64_t send(const std::string& type, const std::vector<std::string>& names);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Resources> resources_;
  std::map<std::string, Type> types_;  // of the stream that there is
  Stream* stream_ = nullptr;
  std::uint64_t sent_ = 0, refused_ = 0;
  std::set<std::uint64_t> unanswered_;
  std::int64_t first_request_ns_ = 0;
  std::unique_ptr<Service> service_;
};

}  // namespace bench
