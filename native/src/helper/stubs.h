// Mount points in a tree that an image may not have: /proc, /sys, /dev, /etc/hosts, /etc/resolv.conf, targets of --mount. What had to be made for them
// goes away again after the step, so that it is in no layer.
#pragma once
#include <sys/stat.h>

#include <string>
#include <vector>

#include "common/fd.h"

namespace tsbuild {

class Stubs {
 public:
  // A directory of the image's own at `name` in the root. A symbolic link there is refused: it would decide where /proc is (CVE-2026-41579).
  Status need_directory(int root, const std::string& name);
  // A directory as the container sees `path`, with those above it.
  Status need_directories(int root, const std::string& path);
  // A regular file as the container sees `path`: links are followed inside the root, and the file that a dangling one names is made.
  Status need_file(int root, const std::string& path);
  // Removes what was made if it is still the same and empty, by file descriptor (CVE-2024-23652). Times of the folders stay as the step left them.
  void remove();

 private:
  struct Stub {
    Fd parent;
    std::string name;
    dev_t device;
    ino_t inode;
    bool directory;
  };
  Status make(int parent, const std::string& name, bool directory);
  Result<Fd> need_folder(int root, const std::string& path, int links = 0);
  std::vector<Stub> made_;
};

}  // namespace tsbuild
