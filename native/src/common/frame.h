// Frames as they are on a stream socket: u32 length of what follows, u32 request id, u8 kind, body. Nothing here blocks but what says so.
#pragma once
#include <string>
#include <string_view>

#include "failure.h"
#include "protocol.h"

namespace tsbuild {

constexpr size_t kFrameHead = 9;                        // length + id + kind
constexpr size_t kMaxBody = kMaxFrame - (kFrameHead - 4);

struct Frame {
  uint32_t id = 0;
  Kind kind{};
  std::string body;
};

std::string encode_frame(uint32_t id, Kind kind, std::string_view body);
std::string encode_failure(const Failure& failure);
Failure decode_failure(std::string_view body);

// Bytes in, frames out. A length that is impossible makes it `broken()` for good.
class FrameReader {
 public:
  explicit FrameReader(size_t max_body = kMaxBody) : max_body_(max_body) {}
  // One read(2). False at the end of the stream; a would-block is true with nothing added.
  Result<bool> fill(int fd);
  bool next(Frame& frame);
  bool broken() const { return broken_; }

 private:
  std::string buffer_;
  size_t start_ = 0;
  size_t max_body_;
  bool broken_ = false;
};

// Bytes waiting for a socket that is not ready.
class OutQueue {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  size_t size() const { return buffer_.size() - start_; }
  // Writes what the socket takes (MSG_DONTWAIT); never waits. Fails when the peer is gone.
  Status flush(int fd);

 private:
  std::string buffer_;
  size_t start_ = 0;
};

// Waits until everything is written.
Status write_all(int fd, std::string_view bytes);

}  // namespace tsbuild
