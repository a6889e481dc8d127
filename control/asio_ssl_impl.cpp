// SPDX-License-Identifier: Apache-2.0
// The one copy of asio's compiled TLS part, as common/asio_impl.cpp is of the rest.

#include <version>

#include <asio/ssl/impl/src.hpp>
