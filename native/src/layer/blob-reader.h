// The uncompressed bytes of a layer blob, inflated ahead on threads, with their sha256 (the diffID) counted on the way.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "common/fd.h"
#include "layer/entry.h"
#include "layer/sha256.h"

namespace tsbuild {

class BlobReader {
 public:
  // `path` is a file of ours. Gzip made by us is inflated by member in parallel, any other gzip and zstd as a stream.
  static Result<std::unique_ptr<BlobReader>> open(const std::string& path, Codec codec, uint32_t threads = 0);
  static Result<std::unique_ptr<BlobReader>> from_fd(Fd file, const std::string& path, Codec codec, uint32_t threads = 0);
  virtual ~BlobReader() = default;

  // The next piece, valid until the next call; empty at the end. EBADMSG for bytes that are not of the codec, EFBIG for a bomb.
  virtual Result<std::string_view> next() = 0;
  // After the end only: sha256 and size of everything that next() gave.
  virtual Digest digest() = 0;
  virtual uint64_t size() const = 0;
};

}  // namespace tsbuild
