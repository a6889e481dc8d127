// SPDX-License-Identifier: Apache-2.0
// The one copy of asio's compiled part; every other file sees declarations only
// (ASIO_SEPARATE_COMPILATION).

// A standard header first, as in every other file: only then asio sees that the library has
// std::aligned_alloc, and frees what the others allocated the way they allocated it.
#include <version>

#include <asio/impl/src.hpp>
