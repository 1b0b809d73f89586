// What a copied tree looked like when it was begun: enough to find, at the end, what was touched without reading any file.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

#include "common/failure.h"
#include "helper/walk.h"

namespace tsbuild {

// The key of a file: any change of content or metadata changes its ctime, which no program can set back. mtime is not in it, and sizes of
// directories are not (they say nothing).
struct Mark {
  uint64_t inode = 0;
  int64_t ctime_sec = 0, birth_sec = 0;
  uint32_t ctime_nsec = 0, birth_nsec = 0;
  uint64_t size = 0;
  uint32_t mode = 0;  // with the type
  uint32_t uid = 0, gid = 0;
  uint32_t rdev_major = 0, rdev_minor = 0;
  bool operator==(const Mark&) const = default;
  // The very file, perhaps changed. File systems give the number of a removed file to the next one, but not its time of birth.
  bool is_file(const Mark& other) const { return inode == other.inode && birth_sec == other.birth_sec && birth_nsec == other.birth_nsec; }
};
Mark mark_of(const Stat& stat);

using Marks = std::unordered_map<std::string, Mark>;  // by path

// Walks the tree, and returns once the clock of the file system has passed the newest ctime in it: a later change then has a later ctime
// (Linux before 6.13 counts them in ticks of up to 10 ms).
Result<Marks> mark_tree(int root);

// The file's bytes: u8 format 1, u32 count, then path and mark of each.
std::string encode_marks(const Marks& marks);
Result<Marks> decode_marks(std::string_view bytes);
Result<Marks> read_marks(const std::string& path);
Status write_marks(const Marks& marks, const std::string& path);

}  // namespace tsbuild
