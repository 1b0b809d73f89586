#include "layer/piece-size.h"

#include "common/new-file.h"
#include "layer/codec.h"

namespace tsbuild {
namespace {

uint64_t little(const uint8_t* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

constexpr PieceSize kForeign{};

}  // namespace

Result<PieceSize> gzip_member_at(int fd, uint64_t offset, const std::string& path) {
  char head[kMemberHeader];
  auto size = pread_full(fd, head, sizeof head, offset, path);
  if (!size.ok()) return size.failure();
  const uint32_t stored = gzip_member_size({head, size.value()});
  if (stored == 0) return kForeign;
  uint8_t trailer[4];
  size = pread_full(fd, trailer, sizeof trailer, offset + stored - sizeof trailer, path);
  if (!size.ok()) return size.failure();
  if (size.value() < sizeof trailer) return kForeign;
  return PieceSize{stored, little(trailer, sizeof trailer)};
}

Result<PieceSize> zstd_frame_at(int fd, uint64_t offset, const std::string& path) {
  uint8_t head[18] = {};
  auto size = pread_full(fd, head, sizeof head, offset, path);
  if (!size.ok()) return size.failure();
  if (size.value() < 9 || little(head, 4) != 0xfd2fb528) return kForeign;
  const uint8_t descriptor = head[4];
  const bool single = (descriptor & 0x20) != 0, checksum = (descriptor & 4) != 0;
  static constexpr size_t kDictionary[4] = {0, 1, 2, 4}, kContent[4] = {0, 2, 4, 8};
  size_t at = 5 + (single ? 0 : 1) + kDictionary[descriptor & 3];
  const unsigned flag = descriptor >> 6;
  const size_t field = flag == 0 && single ? 1 : kContent[flag];
  if (field == 0) return kForeign;  // ours always says its size
  const uint64_t content = little(head + at, field) + (field == 2 ? 256 : 0);
  if (content > kPieceSize) return kForeign;
  uint64_t end = offset + at + field;
  for (;;) {
    uint8_t block[3];
    size = pread_full(fd, block, sizeof block, end, path);
    if (!size.ok()) return size.failure();
    if (size.value() < sizeof block) return kForeign;
    const uint64_t word = little(block, sizeof block);
    const unsigned type = word >> 1 & 3;
    if (type == 3 || end - offset > 2 * kPieceSize) return kForeign;
    end += sizeof block + (type == 1 ? 1 : word >> 3);
    if (word & 1) break;
  }
  return PieceSize{end + (checksum ? 4 : 0) - offset, content};
}

}  // namespace tsbuild
