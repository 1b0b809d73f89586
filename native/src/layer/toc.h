// The table of contents of a layer, as registry/store/toc.ts reads it:
//   u8 1, "TSBTOC\n", u64 tar size, 32 bytes diffID, u64 count of entries, then the entries in tar order:
//   bytes path, u8 type, u32 mode, u32 uid, u32 gid, u64 size, i64 mtime s, u32 mtime ns, bytes link, u32 rdev major, u32 rdev minor,
//   u64 offset of the content in the tar, u8 has sha256, [32 bytes sha256 of the content], u32 count x (bytes name, bytes value) xattrs
#pragma once
#include <memory>
#include <string>

#include "common/failure.h"
#include "common/new-file.h"
#include "common/wire.h"
#include "layer/entry.h"
#include "layer/sha256.h"

namespace tsbuild {

class TocWriter {
 public:
  // New file, made O_EXCL, removed again unless finished.
  static Result<std::unique_ptr<TocWriter>> create(const std::string& path);
  // `content`: sha256 of the content; there for every regular file.
  Status add(const Entry& entry, uint64_t offset, const Digest* content);
  Status finish(const Digest& diff_id, uint64_t tar_size);

 private:
  explicit TocWriter(NewFile file) : file_(std::move(file)) {}
  Status flush();

  NewFile file_;
  Writer buffer_;
  uint64_t position_ = 0;
  uint64_t count_ = 0;
};

}  // namespace tsbuild
