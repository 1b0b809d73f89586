// Walks a tree by descriptors: no symlink is followed, no mount is crossed, and no descriptor stays open while others are visited, so that
// neither deep nor wide trees run out of them. A path of PATH_MAX (4096) bytes or more fails with ENAMETOOLONG: no layer could hold it.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/failure.h"
#include "common/fd.h"
#include "layer/entry.h"

namespace tsbuild {

// What statx(2) says of a file, symlinks not followed. `mode` holds type and permissions.
struct Stat {
  uint32_t mode = 0;
  uint32_t uid = 0, gid = 0;
  uint64_t size = 0;
  int64_t mtime_sec = 0, ctime_sec = 0, birth_sec = 0;  // birth is 0 where the file system has none
  uint32_t mtime_nsec = 0, ctime_nsec = 0, birth_nsec = 0;
  uint64_t inode = 0;
  uint32_t links = 0;
  uint32_t rdev_major = 0, rdev_minor = 0;

  uint32_t format() const { return mode & S_IFMT; }
  bool is_directory() const { return format() == S_IFDIR; }
  // What overlayfs keeps for a deleted name, and what no image may have: a character device 0:0.
  bool is_whiteout() const { return format() == S_IFCHR && rdev_major == 0 && rdev_minor == 0; }
};

// `name` in `directory`; "" is the descriptor itself. Fails with ENOENT and the like.
Result<Stat> stat_at(int directory, const std::string& name);
// `path` below `root`, "" the root itself; no symlink on the way is followed.
Result<Stat> stat_below(int root, const std::string& path);
// Opens `path` below `root`: no symlink, no other mount.
Result<Fd> open_strictly(int root, const std::string& path, int flags);

// The names in a directory, sorted by their bytes, without "." and "..".
Result<std::vector<std::string>> names_of(int directory, const std::string& path);

// Target of the symlink `name` in `directory`.
Result<std::string> read_link(int directory, const std::string& name);

// Called for every name, a directory before what is in it, siblings in the order of their bytes, the root first with path "".
// For a directory the answer says whether to go in.
using Visit = std::function<Result<bool>(const std::string& path, const Stat& stat)>;
Status walk_tree(int root, const Visit& visit);

}  // namespace tsbuild
