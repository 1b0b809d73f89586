// xz (the .xz file format, version 1.2.1), read only: archives that ADD unpacks. Several streams may follow each other, zero bytes in fours between them.
#include "layer/codec-parts.h"
#ifdef TSBUILD_XZ
#include <lzma.h>

#include <algorithm>

namespace tsbuild {
namespace {

constexpr uint64_t kMaxMemory = (128 + 16) << 20;  // a dictionary of 128 MiB, as for zstd, and the rest of the decoder; xz -9 needs 65 MiB

class XzStream final : public StreamDecoder {
 public:
  ~XzStream() override { lzma_end(&state_); }
  Result<Step> decode(std::string_view in, char* out, size_t capacity) override {
    Step step;
    if (!open_ && ended_) step.consumed = skip_padding(in);
    in.remove_prefix(step.consumed);
    if (!open_ && in.empty()) return step;
    if (!open_) {
      if (padding_ % 4 != 0) return Failure{EBADMSG, "xz: bytes after the end", {}};
      padding_ = 0;
      if (lzma_stream_decoder(&state_, kMaxMemory, 0) != LZMA_OK) return Failure{ENOMEM, "lzma_stream_decoder", {}};
      open_ = true;
    }
    state_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    state_.avail_in = in.size();
    state_.next_out = reinterpret_cast<uint8_t*>(out);
    state_.avail_out = capacity;
    const lzma_ret code = lzma_code(&state_, LZMA_RUN);
    step.consumed += in.size() - state_.avail_in;
    step.produced = capacity - state_.avail_out;
    switch (code) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:  // nothing could be done: the caller sees that by the step
        return step;
      case LZMA_STREAM_END:
        open_ = false;
        ended_ = true;
        return step;
      case LZMA_MEM_ERROR:
        return Failure{ENOMEM, "lzma_code", {}};
      case LZMA_MEMLIMIT_ERROR:
        return Failure{EFBIG, "xz: needs a dictionary of more than 128 MiB", {}};
      default:
        return Failure{EBADMSG, "xz: bytes that are not xz", {}};
    }
  }
  bool at_end() const override { return ended_ && !open_ && padding_ % 4 == 0; }

 private:
  size_t skip_padding(std::string_view in) {
    const size_t zeros = std::min(in.find_first_not_of('\0'), in.size());
    padding_ += zeros;
    return zeros;
  }
  lzma_stream state_ = LZMA_STREAM_INIT;
  bool open_ = false;     // inside a stream
  bool ended_ = false;    // at least one is complete
  uint64_t padding_ = 0;  // zero bytes since then
};

}  // namespace

std::string xz_text() { return lzma_version_string(); }

Result<std::unique_ptr<StreamDecoder>> xz_decoder() { return std::unique_ptr<StreamDecoder>(new XzStream()); }

}  // namespace tsbuild
#else
namespace tsbuild {

std::string xz_text() { return "not built in"; }
Result<std::unique_ptr<StreamDecoder>> xz_decoder() { return Failure{ENOTSUP, "xz is not built in", {}}; }

}  // namespace tsbuild
#endif
