// bzip2, read only: archives that ADD unpacks. Several streams may follow each other, as parallel compressors write them.
#include "layer/codec-parts.h"
#ifdef TSBUILD_BZIP2
#include <bzlib.h>

#include <algorithm>
#include <climits>

namespace tsbuild {
namespace {

// Needs less than 4 MiB for any stream: blocks are 900 kB at most.
class Bzip2Stream final : public StreamDecoder {
 public:
  ~Bzip2Stream() override { close(); }
  Result<Step> decode(std::string_view in, char* out, size_t capacity) override {
    if (in.empty() && !open_) return Step{};
    if (!open_) {
      state_ = {};
      if (BZ2_bzDecompressInit(&state_, 0, 0) != BZ_OK) return Failure{ENOMEM, "BZ2_bzDecompressInit", {}};
      open_ = true;
    }
    state_.next_in = const_cast<char*>(in.data());  // only read: bzlib.h has no const
    state_.avail_in = static_cast<unsigned>(std::min<size_t>(in.size(), UINT_MAX));
    state_.next_out = out;
    state_.avail_out = static_cast<unsigned>(std::min<size_t>(capacity, UINT_MAX));
    const unsigned in_before = state_.avail_in, out_before = state_.avail_out;
    const int code = BZ2_bzDecompress(&state_);
    const Step step{in_before - state_.avail_in, out_before - state_.avail_out};
    if (code == BZ_MEM_ERROR) return Failure{ENOMEM, "BZ2_bzDecompress", {}};
    if (code != BZ_OK && code != BZ_STREAM_END) return Failure{EBADMSG, "bzip2: bytes that are not bzip2", {}};
    if (code == BZ_STREAM_END) {
      close();
      ended_ = true;
    }
    return step;
  }
  bool at_end() const override { return ended_ && !open_; }

 private:
  void close() {
    if (open_) (void)BZ2_bzDecompressEnd(&state_);  // fails only for a state that was never made
    open_ = false;
  }
  bz_stream state_{};
  bool open_ = false;   // inside a stream
  bool ended_ = false;  // at least one is complete
};

}  // namespace

std::string bzip2_text() {
  const std::string version = BZ2_bzlibVersion();  // "1.0.8, 13-Jul-2019"
  return version.substr(0, version.find(','));
}

Result<std::unique_ptr<StreamDecoder>> bzip2_decoder() { return std::unique_ptr<StreamDecoder>(new Bzip2Stream()); }

}  // namespace tsbuild
#else
namespace tsbuild {

std::string bzip2_text() { return "not built in"; }
Result<std::unique_ptr<StreamDecoder>> bzip2_decoder() { return Failure{ENOTSUP, "bzip2 is not built in", {}}; }

}  // namespace tsbuild
#endif
