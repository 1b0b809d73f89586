// Any piece of the uncompressed tar of a blob, in any order. A blob of ours is read by hopping from member to member (gzip) or frame to
// frame (zstd); any other is inflated once into an unlinked file in `spool` (O_TMPFILE, open(2)).
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

class TarAccess {
 public:
  // `spool`: a folder to write in; "" means never: a foreign blob is then read from its start for every piece.
  static Result<std::unique_ptr<TarAccess>> open(const std::string& path, Codec codec, const std::string& spool);
  virtual ~TarAccess() = default;
  // Exactly `size` bytes; EBADMSG when the tar ends before.
  virtual Status read(uint64_t offset, char* out, size_t size) = 0;
};

}  // namespace tsbuild
