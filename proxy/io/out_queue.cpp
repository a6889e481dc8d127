// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/out_queue.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace weir::io {

char* OutQueue::reserve(std::size_t bytes, BufferPool& pool) {
  if (!more_.empty()) return nullptr;
  if (buffer_ == nullptr) {
    if (bytes > kBufferSize) return nullptr;
    buffer_ = pool.take();
    begin_ = end_ = 0;
  }
  if (kBufferSize - end_ < bytes) return nullptr;
  return reinterpret_cast<char*>(buffer_->data()) + end_;
}

void OutQueue::append(std::string_view bytes, BufferPool& pool) {
  if (bytes.empty()) return;  // no buffer for nothing
  if (char* const at = reserve(bytes.size(), pool); at != nullptr) {
    std::memcpy(at, bytes.data(), bytes.size());
    commit(bytes.size());
    return;
  }
  more_ += bytes;
}

void OutQueue::drop(std::size_t bytes, BufferPool& pool) {
  const std::size_t from_buffer = std::min<std::size_t>(bytes, end_ - begin_);
  begin_ += static_cast<std::uint32_t>(from_buffer);
  more_begin_ += bytes - from_buffer;
  if (more_begin_ >= more_.size() - more_begin_) more_.erase(0, std::exchange(more_begin_, 0));
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (buffer_ != nullptr) pool.give_back(std::move(buffer_));
  if (more_.empty() && more_.capacity() > 256) more_ = std::string();
}

OutQueue::Status OutQueue::flush(int fd, BufferPool& pool, std::string_view tail) {
  while (true) {
    const std::size_t queued = size();
    if (queued + tail.size() == 0) return Status::sent;
    iovec parts[3];
    std::size_t count = 0;
    if (end_ != begin_) parts[count++] = {buffer_->data() + begin_, end_ - begin_};
    if (!more_.empty()) {
      parts[count++] = {more_.data() + more_begin_, more_.size() - more_begin_};
    }
    if (!tail.empty()) parts[count++] = {const_cast<char*>(tail.data()), tail.size()};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = count;
    const ssize_t sent = count == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                    : sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        error_ = errno;
        return Status::failed;
      }
      if (!tail.empty()) append(tail, pool);
      return Status::blocked;
    }
    const auto taken = static_cast<std::size_t>(sent);
    drop(std::min(taken, queued), pool);
    if (taken > queued) tail.remove_prefix(taken - queued);
    if (taken < queued) continue;  // once more, for the error or EAGAIN that it will be
    if (tail.empty()) return Status::sent;
  }
}

void OutQueue::release(BufferPool& pool) {
  if (buffer_ != nullptr) pool.give_back(std::move(buffer_));
  more_ = std::string();
  begin_ = end_ = 0;
  more_begin_ = 0;
}

}  // namespace weir::io
