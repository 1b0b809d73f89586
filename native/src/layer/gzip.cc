// Gzip (RFC 1952) in members of our own: made and read by libdeflate where it is built in, else by zlib; foreign gzip is read by zlib.
#define ZLIB_CONST
#include <zlib.h>

#include <climits>
#include <cstring>
#include <limits>

#include "layer/codec-parts.h"
#ifdef TSBUILD_LIBDEFLATE
#include <libdeflate.h>
#endif

namespace tsbuild {
namespace {

constexpr size_t kTrailer = 8;  // crc32, size of the content
constexpr size_t kSlack = 4096;

void put_u32(char* out, uint32_t value) {
  for (int i = 0; i < 4; i++) out[i] = static_cast<char>(value >> (8 * i));
}
uint32_t get_u32(const char* in) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value |= static_cast<uint32_t>(static_cast<uint8_t>(in[i])) << (8 * i);
  return value;
}

// Fills in the header and trailer around `deflated` bytes that lie at out + kMemberHeader.
void frame_member(std::string& out, size_t deflated, uint32_t crc, size_t content) {
  const size_t size = kMemberHeader + deflated + kTrailer;
  out.resize(size);
  // magic, deflate, FEXTRA, mtime 0, no hint, OS unknown; extra field: 8 bytes, 'T','B', 4 bytes
  static constexpr char kHead[16] = {'\x1f', '\x8b', 8, 4, 0, 0, 0, 0, 0, '\xff', 8, 0, 'T', 'B', 4, 0};
  std::memcpy(out.data(), kHead, sizeof kHead);
  put_u32(out.data() + sizeof kHead, static_cast<uint32_t>(size));
  put_u32(out.data() + size - 8, crc);
  put_u32(out.data() + size - 4, static_cast<uint32_t>(content));
}

#ifdef TSBUILD_LIBDEFLATE
class GzipPieces final : public PieceEncoder {
 public:
  explicit GzipPieces(uint32_t level) : state_(libdeflate_alloc_compressor(static_cast<int>(level))) {}
  ~GzipPieces() override { libdeflate_free_compressor(state_); }
  Status encode(std::string_view piece, std::string& out) override {
    if (state_ == nullptr) return Failure{ENOMEM, "libdeflate_alloc_compressor", {}};
    const size_t bound = libdeflate_deflate_compress_bound(state_, piece.size());
    out.resize(kMemberHeader + bound + kTrailer);
    const size_t size = libdeflate_deflate_compress(state_, piece.data(), piece.size(), out.data() + kMemberHeader, bound);
    if (size == 0) return Failure{ENOBUFS, "libdeflate_deflate_compress", {}};
    frame_member(out, size, libdeflate_crc32(0, piece.data(), piece.size()), piece.size());
    return done();
  }

 private:
  libdeflate_compressor* state_;
};
constexpr uint32_t kDefaultLevel = 2, kMaxLevel = 12;
#else
class GzipPieces final : public PieceEncoder {
 public:
  explicit GzipPieces(uint32_t level) { ready_ = deflateInit2(&state_, static_cast<int>(level), Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK; }
  ~GzipPieces() override {
    if (ready_) (void)deflateEnd(&state_);  // says only whether input was left
  }
  Status encode(std::string_view piece, std::string& out) override {
    if (!ready_ || deflateReset(&state_) != Z_OK) return Failure{ENOMEM, "deflateInit2", {}};
    out.resize(kMemberHeader + deflateBound(&state_, piece.size()) + kTrailer);
    state_.next_in = reinterpret_cast<const Bytef*>(piece.data());
    state_.avail_in = static_cast<uInt>(piece.size());
    state_.next_out = reinterpret_cast<Bytef*>(out.data() + kMemberHeader);
    state_.avail_out = static_cast<uInt>(out.size() - kMemberHeader - kTrailer);
    if (deflate(&state_, Z_FINISH) != Z_STREAM_END) return Failure{ENOBUFS, "deflate", {}};
    const uint32_t crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size())));
    frame_member(out, state_.total_out, crc, piece.size());
    return done();
  }

 private:
  z_stream state_{};
  bool ready_ = false;
};
constexpr uint32_t kDefaultLevel = 1, kMaxLevel = 9;
#endif

// Any gzip: several members may follow each other (RFC 1952, 2.2), and zero bytes may pad the end, as tools that write to tape blocks do.
class GzipStream final : public StreamDecoder {
 public:
  GzipStream() { ready_ = inflateInit2(&state_, MAX_WBITS + 16) == Z_OK; }
  ~GzipStream() override {
    if (ready_) (void)inflateEnd(&state_);  // fails only for a state that was never made
  }
  Result<Step> decode(std::string_view in, char* out, size_t capacity) override {
    if (!ready_) return Failure{ENOMEM, "inflateInit2", {}};
    Step step;
    if (between_ && members_ > 0) step.consumed = skip_padding(in);
    in.remove_prefix(step.consumed);
    if (in.empty() && between_) return step;
    if (padded_) return Failure{EBADMSG, "gzip: bytes after the end", {}};
    between_ = false;
    state_.next_in = reinterpret_cast<const Bytef*>(in.data());
    state_.avail_in = static_cast<uInt>(std::min<size_t>(in.size(), UINT_MAX));
    state_.next_out = reinterpret_cast<Bytef*>(out);
    state_.avail_out = static_cast<uInt>(std::min<size_t>(capacity, UINT_MAX));
    const uInt in_before = state_.avail_in, out_before = state_.avail_out;
    const int code = inflate(&state_, Z_NO_FLUSH);
    step.consumed += in_before - state_.avail_in;
    step.produced = out_before - state_.avail_out;
    if (code == Z_STREAM_END) {
      between_ = true;
      members_++;
      if (inflateReset(&state_) != Z_OK) return Failure{ENOMEM, "inflateReset", {}};
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return Failure{EBADMSG, "gzip: bytes that are not gzip", {}};
    }
    return step;
  }
  bool at_end() const override { return between_ && members_ > 0; }

 private:
  size_t skip_padding(std::string_view in) {
    size_t zeros = in.find_first_not_of('\0');
    if (zeros == std::string_view::npos) zeros = in.size();
    if (zeros > 0) padded_ = true;
    return zeros;
  }
  z_stream state_{};
  bool ready_ = false;
  bool between_ = true;  // no member is open
  bool padded_ = false;
  uint64_t members_ = 0;
};

}  // namespace

std::string gzip_text() {
#ifdef TSBUILD_LIBDEFLATE
  return "libdeflate " LIBDEFLATE_VERSION_STRING ", zlib " + std::string(zlibVersion());
#else
  return "zlib " + std::string(zlibVersion()) + " (fallback)";
#endif
}

Result<std::unique_ptr<PieceEncoder>> gzip_encoder(uint32_t level) {
  if (level > kMaxLevel) return Failure{EINVAL, "gzip level " + std::to_string(level), {}};
  return std::unique_ptr<PieceEncoder>(new GzipPieces(level == 0 ? kDefaultLevel : level));
}

std::unique_ptr<StreamDecoder> gzip_decoder() { return std::make_unique<GzipStream>(); }

uint32_t gzip_member_size(std::string_view head) {
  static constexpr char kStart[4] = {'\x1f', '\x8b', 8, 4};
  static constexpr char kExtra[6] = {8, 0, 'T', 'B', 4, 0};
  if (head.size() < kMemberHeader || std::memcmp(head.data(), kStart, 4) != 0 || std::memcmp(head.data() + 10, kExtra, 6) != 0) return 0;
  const uint32_t size = get_u32(head.data() + 16);
  return size >= kMemberHeader + 2 + kTrailer && size <= kPieceSize + kSlack ? size : 0;
}

#ifdef TSBUILD_LIBDEFLATE
MemberDecoder::MemberDecoder() : state_(libdeflate_alloc_decompressor()) {}
MemberDecoder::~MemberDecoder() { libdeflate_free_decompressor(static_cast<libdeflate_decompressor*>(state_)); }

Result<size_t> MemberDecoder::decode(std::string_view member, char* out, size_t capacity) {
  if (state_ == nullptr) return Failure{ENOMEM, "libdeflate_alloc_decompressor", {}};
  size_t consumed = 0, produced = 0;
  const libdeflate_result code = libdeflate_deflate_decompress_ex(static_cast<libdeflate_decompressor*>(state_), member.data() + kMemberHeader,
                                                                  member.size() - kMemberHeader - kTrailer, out, capacity, &consumed, &produced);
  // A member that ends before its field says would be read otherwise by a stream reader: refuse it.
  if (code != LIBDEFLATE_SUCCESS || consumed != member.size() - kMemberHeader - kTrailer) return Failure{EBADMSG, "gzip: bytes that are not gzip", {}};
  const uint32_t crc = libdeflate_crc32(0, out, produced);
  const char* trailer = member.data() + member.size() - kTrailer;
  if (get_u32(trailer) != crc || get_u32(trailer + 4) != produced) return Failure{EBADMSG, "gzip: wrong checksum", {}};
  return produced;
}
#else
MemberDecoder::MemberDecoder() = default;
MemberDecoder::~MemberDecoder() = default;

Result<size_t> MemberDecoder::decode(std::string_view member, char* out, size_t capacity) {
  GzipStream stream;
  auto step = stream.decode(member, out, capacity);
  if (!step.ok()) return step.failure();
  if (!stream.at_end() || step.value().consumed != member.size()) return Failure{EBADMSG, "gzip: bytes that are not gzip", {}};
  return step.value().produced;
}
#endif

}  // namespace tsbuild
