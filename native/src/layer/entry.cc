#include "layer/entry.h"

#include <sys/stat.h>

namespace tsbuild {

FileType type_of_mode(uint32_t st_mode) {
  switch (st_mode & S_IFMT) {
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFCHR:
      return FileType::kChar;
    case S_IFBLK:
      return FileType::kBlock;
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFSOCK:
      return FileType::kSocket;
    default:
      return FileType::kFile;
  }
}

uint32_t format_of_type(FileType type) {
  switch (type) {
    case FileType::kFile:
    case FileType::kHardlink:
      return S_IFREG;
    case FileType::kSymlink:
      return S_IFLNK;
    case FileType::kChar:
      return S_IFCHR;
    case FileType::kBlock:
      return S_IFBLK;
    case FileType::kDirectory:
      return S_IFDIR;
    case FileType::kFifo:
      return S_IFIFO;
    case FileType::kSocket:
      return S_IFSOCK;
  }
  return S_IFREG;
}

}  // namespace tsbuild
