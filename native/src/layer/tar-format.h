// The bytes of a tar: POSIX.1-2017 pax(1), "ustar Interchange Format" and "pax Extended Header"; xattrs as SCHILY.xattr.NAME records.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

constexpr size_t kTarBlock = 512;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxPaxHeader = 1 << 20;
constexpr size_t kMaxXattr = 64 << 10;
constexpr uint64_t kMaxEntries = 5'000'000;
constexpr uint64_t kMaxTarNumber = 1ull << 62;

struct TarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char uname[32];
  char gname[32];
  char rdev_major[8];
  char rdev_minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(TarHeader) == kTarBlock);

uint32_t tar_checksum(const TarHeader& header, bool as_signed = false);
inline uint64_t tar_padding(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

// The header blocks of an entry as we write them: a pax header only where ustar cannot say it. EINVAL for what no tar can hold.
Result<std::string> tar_header_of(const Entry& entry);

}  // namespace tsbuild
