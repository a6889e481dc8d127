// SPDX-License-Identifier: Apache-2.0
// The one copy of asio's compiled part; every other file sees declarations only
// (ASIO_SEPARATE_COMPILATION).
#include <asio/impl/src.hpp>
