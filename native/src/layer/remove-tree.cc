#include "layer/remove-tree.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "common/directory.h"
#include "common/fd.h"

namespace tsbuild {
namespace {

struct Level {
  std::string name;                   // of this directory in the one above
  std::vector<std::string> children;  // directories in it that are still to be removed
};

Result<Fd> open_directory(int parent, const std::string& name) {
  Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno_failure("openat", name);
  return fd;
}

// Removes all that is no directory; returns the directories.
Result<std::vector<std::string>> remove_files(int directory) {
  auto names = read_names(directory, {});
  if (!names.ok()) return names.failure();
  std::vector<std::string> directories;
  for (auto& [name, type] : names.value()) {
    if (type != DT_DIR && ::unlinkat(directory, name.c_str(), 0) == 0) continue;
    if (type != DT_DIR && errno == ENOENT) continue;
    if (type != DT_DIR && errno != EISDIR) return errno_failure("unlinkat", name);
    directories.push_back(std::move(name));
  }
  return directories;
}

// One up, provided that the directory there still calls this one `name`.
Result<Fd> open_above(int directory, const std::string& name) {
  auto above = open_directory(directory, "..");
  if (!above.ok()) return above;
  struct stat here{}, there{};
  if (::fstat(directory, &here) != 0) return errno_failure("fstat", name);
  if (::fstatat(above.value().get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fstatat", name);
  if (here.st_ino != there.st_ino || here.st_dev != there.st_dev) return Failure{ESTALE, "directory moved while it was removed", name};
  return above;
}

Status remove_directory(int parent, const std::string& name) {
  std::vector<Level> levels;
  auto opened = open_directory(parent, name);
  if (!opened.ok()) return opened.failure();
  Fd current = std::move(opened.value());
  auto children = remove_files(current.get());
  if (!children.ok()) return children.failure();
  levels.push_back({name, std::move(children.value())});
  for (;;) {
    Level& level = levels.back();
    if (!level.children.empty()) {
      std::string child = std::move(level.children.back());
      level.children.pop_back();
      auto below = open_directory(current.get(), child);
      if (!below.ok()) return below.failure();
      auto grandchildren = remove_files(below.value().get());
      if (!grandchildren.ok()) return grandchildren.failure();
      if (grandchildren.value().empty()) {
        if (::unlinkat(current.get(), child.c_str(), AT_REMOVEDIR) != 0) return errno_failure("unlinkat", child);
        continue;
      }
      current = std::move(below.value());
      levels.push_back({std::move(child), std::move(grandchildren.value())});
      continue;
    }
    const std::string finished = std::move(level.name);
    levels.pop_back();
    if (levels.empty()) break;
    auto above = open_above(current.get(), finished);
    if (!above.ok()) return above.failure();
    current = std::move(above.value());
    if (::unlinkat(current.get(), finished.c_str(), AT_REMOVEDIR) != 0) return errno_failure("unlinkat", finished);
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) return errno_failure("unlinkat", name);
  return done();
}

}  // namespace

Status remove_tree(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return done();
  // unlink(2) of a directory: EISDIR on Linux; EPERM may be an immutable file, which the open below then tells
  if (errno != EISDIR && errno != EPERM) return errno_failure("unlinkat", name);
  return remove_directory(parent, name);
}

}  // namespace tsbuild
