// SPDX-License-Identifier: Apache-2.0
// A library to preload: stands between a program and its netlink sockets and spoils one thing.
// What to spoil is in $WEIR_FAULT:
//   message:N        the N-th message sent gets a type that the kernel does not know
//   send:N           the N-th send fails, nothing is sent
//   receive:N        the N-th receive fails
//   kill:N           the program is killed after the N-th send
//   expression:NAME  rules with this expression are refused, as by a kernel without it
//   chain:TYPE       base chains of this type likewise
//   object:TYPE      objects of this number likewise
// At the end of the program "messages sends receives" is written to $WEIR_FAULT_COUNT, if set.
#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

namespace {

struct Fault {
  std::string kind;
  std::string value;
  long number = 0;
};

Fault read_fault() {
  const char* text = std::getenv("WEIR_FAULT");
  const std::string_view spec = text == nullptr ? "" : text;
  const auto colon = spec.find(':');
  if (colon == std::string_view::npos) return {};
  Fault fault{std::string(spec.substr(0, colon)), std::string(spec.substr(colon + 1)), 0};
  fault.number = std::atol(fault.value.c_str());
  return fault;
}

const Fault& fault() {
  static const Fault read = read_fault();
  return read;
}

bool is_fault(std::string_view kind, long number) {
  return fault().kind == kind && fault().number == number;
}

struct Counts {
  long messages = 0;
  long sends = 0;
  long receives = 0;
  Counts() = default;
  Counts(const Counts&) = delete;
  Counts& operator=(const Counts&) = delete;
  ~Counts() {
    const char* path = std::getenv("WEIR_FAULT_COUNT");
    std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "we");
    if (file == nullptr) return;
    std::fprintf(file, "%ld %ld %ld\n", messages, sends, receives);
    std::fclose(file);
  }
};
Counts counts;

bool is_netlink(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK;
}

// The attribute that is exactly this, wherever it is nested: attributes are aligned.
char* find_attribute(char* begin, const char* end, std::uint16_t type, std::string_view payload) {
  const auto length = static_cast<std::uint16_t>(sizeof(nlattr) + payload.size());
  for (char* at = begin; at + length <= end; at += NLA_ALIGNTO) {
    nlattr header{};
    std::memcpy(&header, at, sizeof header);
    if (header.nla_len == length && (header.nla_type & NLA_TYPE_MASK) == type &&
        std::memcmp(at + sizeof header, payload.data(), payload.size()) == 0)
      return at + sizeof header;
  }
  return nullptr;
}

void refuse_text(nlmsghdr* message, std::uint16_t type, const std::string& text) {
  auto* bytes = reinterpret_cast<char*>(message);
  const std::string_view payload(text.c_str(), text.size() + 1);
  char* from = bytes + NLMSG_HDRLEN + sizeof(nfgenmsg);
  while (char* found = find_attribute(from, bytes + message->nlmsg_len, type, payload)) {
    *found = '?';
    from = found;
  }
}

void refuse_object(nlmsghdr* message, long number) {
  const std::uint32_t wire = htonl(static_cast<std::uint32_t>(number));
  const std::string_view payload(reinterpret_cast<const char*>(&wire), sizeof wire);
  auto* bytes = reinterpret_cast<char*>(message);
  if (char* found = find_attribute(bytes + NLMSG_HDRLEN + sizeof(nfgenmsg),
                                   bytes + message->nlmsg_len, NFTA_OBJ_TYPE, payload))
    *found = 0x7f;
}

void spoil(nlmsghdr* message) {
  const bool nft = message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES;
  const int type = message->nlmsg_type & 0xff;
  if (is_fault("message", ++counts.messages))
    message->nlmsg_type = static_cast<std::uint16_t>(message->nlmsg_type | 0xff);
  else if (nft && type == NFT_MSG_NEWRULE && fault().kind == "expression")
    refuse_text(message, NFTA_EXPR_NAME, fault().value);
  else if (nft && type == NFT_MSG_NEWCHAIN && fault().kind == "chain")
    refuse_text(message, NFTA_CHAIN_TYPE, fault().value);
  else if (nft && type == NFT_MSG_NEWOBJ && fault().kind == "object")
    refuse_object(message, fault().number);
}

std::vector<char> spoiled(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  std::vector<char> copy(bytes, bytes + size);
  for (std::size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
    auto* message = reinterpret_cast<nlmsghdr*>(copy.data() + at);
    const std::size_t length = message->nlmsg_len;
    if (length < sizeof(nlmsghdr) || at + length > size) break;
    spoil(message);
    at += NLMSG_ALIGN(length);
  }
  return copy;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Whether this receive is to fail.
bool fails_to_receive(int fd) {
  if (!is_netlink(fd) || !is_fault("receive", ++counts.receives)) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

#define WEIR_EXPORT extern "C" __attribute__((visibility("default")))

WEIR_EXPORT ssize_t sendto(int fd, const void* data, size_t size, int flags,
                           const sockaddr* address, socklen_t length) {
  static auto* const real =
      next<ssize_t(int, const void*, size_t, int, const sockaddr*, socklen_t)>("sendto");
  if (!is_netlink(fd)) return real(fd, data, size, flags, address, length);
  if (is_fault("send", ++counts.sends)) {
    errno = ENOBUFS;
    return -1;
  }
  const std::vector<char> copy = spoiled(data, size);
  const ssize_t sent = real(fd, copy.data(), copy.size(), flags, address, length);
  if (is_fault("kill", counts.sends)) ::raise(SIGKILL);
  return sent;
}

WEIR_EXPORT ssize_t send(int fd, const void* data, size_t size, int flags) {
  return sendto(fd, data, size, flags, nullptr, 0);
}

WEIR_EXPORT ssize_t recv(int fd, void* data, size_t size, int flags) {
  static auto* const real = next<ssize_t(int, void*, size_t, int)>("recv");
  return fails_to_receive(fd) ? -1 : real(fd, data, size, flags);
}

WEIR_EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const real = next<ssize_t(int, msghdr*, int)>("recvmsg");
  return fails_to_receive(fd) ? -1 : real(fd, message, flags);
}
