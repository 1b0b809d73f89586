// Zstandard (RFC 8878). Ours is independent frames of 1 MiB of content, each with its content size.
#include "layer/codec-parts.h"
#ifdef TSBUILD_ZSTD
#include <zstd.h>

namespace tsbuild {
namespace {

constexpr int kDefaultLevel = 3;
constexpr int kMaxWindowLog = 27;  // 128 MiB: what other registry tools accept as well

class ZstdPieces final : public PieceEncoder {
 public:
  explicit ZstdPieces(int level) : state_(ZSTD_createCCtx()), level_(level) {}
  ~ZstdPieces() override { (void)ZSTD_freeCCtx(state_); }  // always 0
  Status encode(std::string_view piece, std::string& out) override {
    if (state_ == nullptr) return Failure{ENOMEM, "ZSTD_createCCtx", {}};
    out.resize(ZSTD_compressBound(piece.size()));
    const size_t size = ZSTD_compressCCtx(state_, out.data(), out.size(), piece.data(), piece.size(), level_);
    if (ZSTD_isError(size)) return Failure{ENOBUFS, std::string("zstd: ") + ZSTD_getErrorName(size), {}};
    out.resize(size);
    return done();
  }

 private:
  ZSTD_CCtx* state_;
  int level_;
};

class ZstdStream final : public StreamDecoder {
 public:
  ZstdStream() : state_(ZSTD_createDCtx()) {
    if (state_ != nullptr) limited_ = !ZSTD_isError(ZSTD_DCtx_setParameter(state_, ZSTD_d_windowLogMax, kMaxWindowLog));
  }
  ~ZstdStream() override { (void)ZSTD_freeDCtx(state_); }  // always 0
  Result<Step> decode(std::string_view in, char* out, size_t capacity) override {
    if (!limited_) return Failure{ENOMEM, "ZSTD_createDCtx", {}};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, capacity, 0};
    const size_t hint = ZSTD_decompressStream(state_, &output, &input);
    if (ZSTD_isError(hint)) return Failure{EBADMSG, std::string("zstd: ") + ZSTD_getErrorName(hint), {}};
    if (input.pos > 0 || output.pos > 0) ended_ = hint == 0;
    return Step{input.pos, output.pos};
  }
  bool at_end() const override { return ended_; }

 private:
  ZSTD_DCtx* state_;
  bool limited_ = false;
  bool ended_ = false;
};

}  // namespace

std::string zstd_text() { return ZSTD_versionString(); }

Result<std::unique_ptr<PieceEncoder>> zstd_encoder(uint32_t level) {
  if (level > static_cast<uint32_t>(ZSTD_maxCLevel())) return Failure{EINVAL, "zstd level " + std::to_string(level), {}};
  return std::unique_ptr<PieceEncoder>(new ZstdPieces(level == 0 ? kDefaultLevel : static_cast<int>(level)));
}

Result<std::unique_ptr<StreamDecoder>> zstd_decoder() { return std::unique_ptr<StreamDecoder>(new ZstdStream()); }

}  // namespace tsbuild
#else
namespace tsbuild {

std::string zstd_text() { return "not built in"; }
Result<std::unique_ptr<PieceEncoder>> zstd_encoder(uint32_t) { return Failure{ENOTSUP, "zstd is not built in", {}}; }
Result<std::unique_ptr<StreamDecoder>> zstd_decoder() { return Failure{ENOTSUP, "zstd is not built in", {}}; }

}  // namespace tsbuild
#endif
