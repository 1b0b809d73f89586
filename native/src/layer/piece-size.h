// How long a gzip member or zstd frame of ours is, without inflating it.
#pragma once
#include <cstdint>
#include <string>

#include "common/failure.h"

namespace tsbuild {

struct PieceSize {
  uint64_t stored = 0;   // bytes in the file; 0: not one of ours
  uint64_t content = 0;  // bytes of tar
};
// Walks the block headers of the frame at `offset`. RFC 8878, 3.1.1.
Result<PieceSize> zstd_frame_at(int fd, uint64_t offset, const std::string& path);
// The same of a gzip member with our extra field.
Result<PieceSize> gzip_member_at(int fd, uint64_t offset, const std::string& path);

}  // namespace tsbuild
