// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/body_relay.hpp"

#include <utility>

#include "proxy/tcp/congestion_control.hpp"

namespace weir::filters {

BodyRelay::~BodyRelay() {
  if (resuming_) worker_.loop.withdraw(*this);
  direction_.release(worker_.relay);
}

tcp::RelayStatus BodyRelay::pump(bool source_ended) {
  const auto status =
      direction_.pump(source_, destination_, worker_.relay,
                      source_ended ? tcp::ShortRead::proves_nothing : tcp::ShortRead::empties_queue,
                      io::kBufferSize, false, bytes_);
  if (direction_.bulk() && !std::exchange(tuned_, true)) {
    tcp::prefer_unpaced_on_local_leg(source_);
    tcp::prefer_unpaced_on_local_leg(destination_);
  }
  if (status == tcp::RelayStatus::yielded && !std::exchange(resuming_, true))
    worker_.loop.resume_soon(*this);
  return status;
}

std::uint64_t BodyRelay::take_moved() noexcept {
  return direction_.bytes() - std::exchange(counted_, direction_.bytes());
}

void BodyRelay::on_resume() {
  resuming_ = false;
  owner_.on_relay_turn(*this);
}

}  // namespace weir::filters
