// One entry of a layer, as it stands in the tar and in the table of contents.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tsbuild {

// Codes as in native/requests.ts and the type flags of a ustar header.
enum class FileType : uint8_t { kFile = 0, kHardlink = 1, kSymlink = 2, kChar = 3, kBlock = 4, kDirectory = 5, kFifo = 6, kSocket = 7 };
// The last two are codecs of archives, never of layers.
enum class Codec : uint8_t { kNone = 0, kGzip = 1, kZstd = 2, kBzip2 = 3, kXz = 4 };

struct Xattr {
  std::string name;
  std::string value;
};

struct Entry {
  std::string path;  // relative, no leading "./" or "/", no trailing "/"; "" is the root
  FileType type = FileType::kFile;
  uint32_t mode = 0;  // 07777
  uint32_t uid = 0, gid = 0;
  int64_t mtime_sec = 0;
  uint32_t mtime_nsec = 0;
  std::string link;  // target of a symlink; path of the first name of a hard link
  uint32_t rdev_major = 0, rdev_minor = 0;
  std::vector<Xattr> xattrs;
  uint64_t size = 0;  // bytes of content; 0 for everything but regular files
};

FileType type_of_mode(uint32_t st_mode);
uint32_t format_of_type(FileType type);  // S_IFREG, ...

// The directory part of a path ("" at the top) and its last name.
inline std::string_view parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}
inline std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }
inline std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty()) path += '/';
  return path.append(name);
}

}  // namespace tsbuild
