// The binary encoding of requests and replies: little-endian integers, bytes as u32 length + data, lists as u32 count + items.
// native/wire.ts writes and reads the same. A Reader never reads past its end: it turns `bad()` and returns zeros.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tsbuild {

class Writer {
 public:
  void u8(uint8_t v) { buffer_.push_back(static_cast<char>(v)); }
  void u32(uint32_t v) { raw(&v, sizeof v); }
  void u64(uint64_t v) { raw(&v, sizeof v); }
  void i32(int32_t v) { raw(&v, sizeof v); }
  void i64(int64_t v) { raw(&v, sizeof v); }
  void bytes(std::string_view v) {
    u32(static_cast<uint32_t>(v.size()));
    buffer_.append(v);
  }
  void raw(const void* data, size_t size) { buffer_.append(static_cast<const char*>(data), size); }
  std::string take() { return std::move(buffer_); }
  const std::string& view() const { return buffer_; }

 private:
  std::string buffer_;
};

class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  uint8_t u8() { return fixed<uint8_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  int32_t i32() { return fixed<int32_t>(); }
  int64_t i64() { return fixed<int64_t>(); }
  // Borrowed from the request: valid as long as its buffer is.
  std::string_view view() {
    uint32_t size = u32();
    return take(size);
  }
  std::string bytes() { return std::string(view()); }
  // A list length; bad() when the rest of the message could not hold that many items of one byte or more.
  uint32_t count() {
    uint32_t n = u32();
    if (n > data_.size()) {
      bad_ = true;
      return 0;
    }
    return n;
  }
  std::string_view take(size_t size) {
    if (bad_ || size > data_.size()) {
      bad_ = true;
      return {};
    }
    std::string_view out = data_.substr(0, size);
    data_.remove_prefix(size);
    return out;
  }
  bool bad() const { return bad_; }
  // True when everything was read and nothing was missing.
  bool finished() const { return !bad_ && data_.empty(); }

 private:
  template <typename T>
  T fixed() {
    T v{};
    std::string_view raw = take(sizeof v);
    if (!bad_) std::memcpy(&v, raw.data(), sizeof v);
    return v;
  }
  std::string_view data_;
  bool bad_ = false;
};

}  // namespace tsbuild
