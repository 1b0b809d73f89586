#include "layer/codec.h"

#include <algorithm>
#include <cstring>

#include "layer/codec-parts.h"

namespace tsbuild {
namespace {

class PlainPieces final : public PieceEncoder {
 public:
  Status encode(std::string_view piece, std::string& out) override {
    out.assign(piece);
    return done();
  }
};

class PlainStream final : public StreamDecoder {
 public:
  Result<Step> decode(std::string_view in, char* out, size_t capacity) override {
    const size_t size = std::min(in.size(), capacity);
    std::memcpy(out, in.data(), size);
    return Step{size, size};
  }
  bool at_end() const override { return true; }
};

}  // namespace

std::string codecs_text() { return "gzip: " + gzip_text() + "; zstd: " + zstd_text() + "; bzip2: " + bzip2_text() + "; xz: " + xz_text(); }

Result<std::unique_ptr<PieceEncoder>> PieceEncoder::create(Codec codec, uint32_t level) {
  switch (codec) {
    case Codec::kGzip:
      return gzip_encoder(level);
    case Codec::kZstd:
      return zstd_encoder(level);
    case Codec::kNone:
      return std::unique_ptr<PieceEncoder>(new PlainPieces());
    case Codec::kBzip2:
    case Codec::kXz:
      return Failure{EINVAL, "a codec that is only read", {}};
  }
  return Failure{EINVAL, "unknown codec", {}};
}

Result<std::unique_ptr<StreamDecoder>> StreamDecoder::create(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return gzip_decoder();
    case Codec::kZstd:
      return zstd_decoder();
    case Codec::kNone:
      return std::unique_ptr<StreamDecoder>(new PlainStream());
    case Codec::kBzip2:
      return bzip2_decoder();
    case Codec::kXz:
      return xz_decoder();
  }
  return Failure{EINVAL, "unknown codec", {}};
}

}  // namespace tsbuild
