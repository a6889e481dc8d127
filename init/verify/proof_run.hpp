// SPDX-License-Identifier: Apache-2.0
// Sends the probes, sends again what nothing was seen of, and judges what became of them.
#pragma once

#include <optional>

#include "init/verify/conntrack.hpp"
#include "init/verify/endpoints.hpp"
#include "init/verify/proof.hpp"
#include "init/verify/stage.hpp"

namespace weir::init {

/// Where it is played; all of it outlives the call.
struct ProofScene {
  const Stage& stage;
  ConntrackEvents& events;
  std::optional<FarEnd> far;  // nothing without CAP_NET_RAW
  StandIn& stand_in;
};

/// A probe that met another fate than it should is sent once more, and has failed if it does again.
/// One of which too little was seen is sent again with more patience, three times in 3 s at most;
/// then it has failed as well.
/// Closes and forgets every connection that it made.
Proof run_probes(ProofScene scene, const ProbeChoice& choice);

}  // namespace weir::init
