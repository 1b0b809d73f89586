#include "common/directory.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace tsbuild {

Result<std::vector<DirectoryName>> read_names(int fd, const std::string& path) {
  std::vector<DirectoryName> names;
  alignas(uint64_t) char buffer[32 << 10];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno_failure("getdents64", path);
    if (size == 0) return names;
    // struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, name. getdents64(2)
    for (long at = 0; at < size;) {
      uint16_t length;
      std::memcpy(&length, buffer + at + 16, sizeof length);
      const std::string_view name(buffer + at + 19);
      if (name != "." && name != "..") names.push_back({std::string(name), static_cast<uint8_t>(buffer[at + 18])});
      at += length;
    }
  }
}

}  // namespace tsbuild
