// SPDX-License-Identifier: Apache-2.0
// What the webhook is told on the command line.
#pragma once

#include <string>

#include "common/ip.hpp"
#include "control/admission.hpp"

namespace weir::control {

/// PEM files: the certificate with its chain, and its key, which has no passphrase.
struct KeyPairFiles {
  std::string certificate, key;
};

struct WebhookOptions {
  Endpoint address;
  KeyPairFiles files;
  AdmissionOptions admission;
};

}  // namespace weir::control
