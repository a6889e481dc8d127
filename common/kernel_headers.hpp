// SPDX-License-Identifier: Apache-2.0
// The one place that includes glibc's network headers and then the kernel's, in the only order that
// compiles.
#pragma once

// clang-format off
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
// clang-format on

// The one constant that we need of linux/netfilter_ipv6/ip6_tables.h, which drags in the whole
// xtables layout.
#ifndef IP6T_SO_ORIGINAL_DST
#define IP6T_SO_ORIGINAL_DST 80
#endif
