// SPDX-License-Identifier: Apache-2.0
// Inspection: a connection that waits for the client's first bytes.
#pragma once

#include <cstddef>

#include "proxy/listener/intake.hpp"

namespace weir::listener {

/// Lives in a block of its worker until the bytes are there, the client is gone, or the time is
/// over. A client's FIN ends the waiting, not the connection: the inspectors decide on what was
/// peeked, and nothing is lost.
class Inspection final : public tcp::Connection, io::EventHandler, io::TimerHandler {
 public:
  Inspection(Intake& intake, tcp::DownstreamConnection&& connection, Intake::Position position,
             std::size_t minimum);

  void start();
  void end(tcp::EndReason reason) override;
  [[nodiscard]] config::TrafficDirection direction() const override;

 private:
  friend class io::BlockPool<filters::kConnectionBlock>;
  ~Inspection();

  void on_events(io::Events events, std::uint32_t tag) override;
  void on_timer() override;
  void look(bool end_of_stream);
  void leave_with(bool proceed);

  Intake& intake_;
  tcp::DownstreamConnection connection_;
  Intake::Position position_;
  std::size_t minimum_;
  io::Timer timer_;
  io::SourceId source_;
};

}  // namespace weir::listener
