// The codecs of layers: gzip and zstd, both written in independent pieces of 1 MiB of tar, so that they compress and inflate in parallel. bzip2 and xz
// are read only: archives may have them, layers never do.
// A gzip member of ours says its own size in an extra field 'T','B' (RFC 1952, 2.3.1.1), so that members are found by hopping.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

constexpr size_t kPieceSize = 1 << 20;  // bytes of tar in a gzip member or zstd frame of ours

// "gzip: libdeflate 1.14, zlib 1.2.13; zstd: 1.5.4; bzip2: 1.0.8; xz: 5.4.1": what writes and what reads, for `tsbuild version` and for layers that compare bytes.
std::string codecs_text();

// Compresses one piece into one member or frame. Not shared between threads.
class PieceEncoder {
 public:
  // level 0: the default (gzip 2 with libdeflate, 1 with zlib; zstd 3). EINVAL for a level the codec does not have, ENOTSUP for a codec that is not built in.
  static Result<std::unique_ptr<PieceEncoder>> create(Codec codec, uint32_t level);
  virtual ~PieceEncoder() = default;
  // Replaces the content of `out`.
  virtual Status encode(std::string_view piece, std::string& out) = 0;
};

// Reads a whole stream, fed in pieces of any size; several members or frames follow each other.
class StreamDecoder {
 public:
  static Result<std::unique_ptr<StreamDecoder>> create(Codec codec);
  virtual ~StreamDecoder() = default;
  struct Step {
    size_t consumed = 0;  // bytes taken from the input
    size_t produced = 0;  // bytes written to the output
  };
  // Makes as much progress as the two buffers allow. EBADMSG for bytes that are not of the codec, EFBIG when it would need too much memory.
  virtual Result<Step> decode(std::string_view in, char* out, size_t capacity) = 0;
  // True when the stream may end here.
  virtual bool at_end() const = 0;
};

// Size of the gzip member of ours that begins with these bytes (20 are enough), or 0 when it is not ours.
constexpr size_t kMemberHeader = 20;
uint32_t gzip_member_size(std::string_view head);
// Inflates one whole member of ours, checked; the size of its content must be at most `capacity`.
class MemberDecoder {
 public:
  MemberDecoder();
  ~MemberDecoder();
  Result<size_t> decode(std::string_view member, char* out, size_t capacity);

 private:
  void* state_ = nullptr;
};

}  // namespace tsbuild
