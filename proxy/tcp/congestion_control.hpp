// SPDX-License-Identifier: Apache-2.0
// Congestion control of sockets whose peer is on this very host.
#pragma once

namespace weir::tcp {

/// When the kernel's default is BBR and the peer of `fd` is local (loopback, or one of this host's
/// addresses as both ends), takes cubic or reno instead: BBR's pacing costs two thirds of the
/// throughput of a local leg. Never touches a leg that leaves the host. Up to three system calls,
/// so call it once, for a connection that carries bulk.
void prefer_unpaced_on_local_leg(int fd);

}  // namespace weir::tcp
