#include "frame.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "wire.h"

namespace tsbuild {

constexpr size_t kReadSize = 64 << 10;

std::string encode_frame(uint32_t id, Kind kind, std::string_view body) {
  Writer w;
  w.u32(static_cast<uint32_t>(body.size() + kFrameHead - 4));
  w.u32(id);
  w.u8(static_cast<uint8_t>(kind));
  w.raw(body.data(), body.size());
  return w.take();
}

std::string encode_failure(const Failure& failure) {
  Writer w;
  w.i32(failure.error);
  w.bytes(failure.call);
  w.bytes(failure.path);
  return w.take();
}

Failure decode_failure(std::string_view body) {
  Reader r(body);
  Failure failure;
  failure.error = r.i32();
  failure.call = r.bytes();
  failure.path = r.bytes();
  if (!r.finished()) return Failure{EPROTO, "failure frame", {}};
  return failure;
}

Result<bool> FrameReader::fill(int fd) {
  if (start_ > 0 && start_ >= buffer_.size() / 2) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  size_t size = buffer_.size();
  buffer_.resize(size + kReadSize);
  ssize_t n;
  do n = ::read(fd, buffer_.data() + size, kReadSize);
  while (n < 0 && errno == EINTR);
  int error = errno;
  buffer_.resize(size + static_cast<size_t>(n > 0 ? n : 0));
  if (n < 0 && error != EAGAIN) return Failure{error, "read", "socket"};
  return n != 0;
}

bool FrameReader::next(Frame& frame) {
  size_t have = buffer_.size() - start_;
  if (broken_ || have < kFrameHead) return false;
  Reader r(std::string_view(buffer_).substr(start_));
  uint32_t length = r.u32();
  if (length < kFrameHead - 4 || length - (kFrameHead - 4) > max_body_) {
    broken_ = true;
    return false;
  }
  if (have < length + 4) return false;
  frame.id = r.u32();
  frame.kind = static_cast<Kind>(r.u8());
  frame.body = r.take(length - (kFrameHead - 4));
  start_ += length + 4;
  return true;
}

Status OutQueue::flush(int fd) {
  while (size() > 0) {
    ssize_t n = ::send(fd, buffer_.data() + start_, size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) return errno_failure("send", "socket");
    start_ += static_cast<size_t>(n);
  }
  if (start_ >= buffer_.size() / 2) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return done();
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return done();
}

}  // namespace tsbuild
