#include "helper/walk.h"

#include <algorithm>
#include <climits>

#include "common/directory.h"

namespace tsbuild {
namespace {

struct Named {
  std::string name;
  Stat stat;
};

// A directory whose names are being visited; the names are taken from the back.
struct Frame {
  std::string path;
  std::vector<Named> left;
};

Result<Frame> open_frame(int root, const std::string& path) {
  Result<Fd> directory = open_strictly(root, path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.failure();
  Result<std::vector<std::string>> names = names_of(directory.value().get(), path);
  if (!names.ok()) return names.failure();
  Frame frame{path, {}};
  frame.left.reserve(names.value().size());
  for (std::string& name : names.value()) {
    Result<Stat> stat = stat_at(directory.value().get(), name);
    if (!stat.ok()) return Failure{stat.failure().error, stat.failure().call, join_path(path, name)};
    frame.left.push_back({std::move(name), stat.value()});
  }
  std::reverse(frame.left.begin(), frame.left.end());
  return frame;
}

}  // namespace

Result<Stat> stat_at(int directory, const std::string& name) {
  struct statx raw;
  int flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT;
  if (statx(directory, name.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME, &raw) != 0) return errno_failure("statx", name);
  Stat stat;
  stat.mode = raw.stx_mode;
  stat.uid = raw.stx_uid;
  stat.gid = raw.stx_gid;
  stat.size = raw.stx_size;
  stat.mtime_sec = raw.stx_mtime.tv_sec;
  stat.mtime_nsec = raw.stx_mtime.tv_nsec;
  stat.ctime_sec = raw.stx_ctime.tv_sec;
  stat.ctime_nsec = raw.stx_ctime.tv_nsec;
  if ((raw.stx_mask & STATX_BTIME) != 0) {
    stat.birth_sec = raw.stx_btime.tv_sec;
    stat.birth_nsec = raw.stx_btime.tv_nsec;
  }
  stat.inode = raw.stx_ino;
  stat.links = raw.stx_nlink;
  stat.rdev_major = raw.stx_rdev_major;
  stat.rdev_minor = raw.stx_rdev_minor;
  return stat;
}

Result<Stat> stat_below(int root, const std::string& path) {
  Result<Fd> parent = open_strictly(root, std::string(parent_of(path)), O_PATH | O_DIRECTORY);
  if (!parent.ok()) return parent.failure();
  return stat_at(parent.value().get(), std::string(name_of(path)));
}

Result<Fd> open_strictly(int root, const std::string& path, int flags) {
  return open_below(root, path, flags | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

Result<std::vector<std::string>> names_of(int directory, const std::string& path) {
  Fd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // an offset of its own
  if (!copy.valid()) return errno_failure("openat", path);
  Result<std::vector<DirectoryName>> found = read_names(copy.get(), path);
  if (!found.ok()) return found.failure();
  std::vector<std::string> names;
  names.reserve(found.value().size());
  for (DirectoryName& entry : found.value()) names.push_back(std::move(entry.name));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> read_link(int directory, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  ssize_t size = readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) return errno_failure("readlinkat", name);
  target.resize(static_cast<size_t>(size));
  return target;
}

Status walk_tree(int root, const Visit& visit) {
  Result<Stat> top = stat_at(root, "");
  if (!top.ok()) return top.failure();
  Result<bool> enter = visit("", top.value());
  if (!enter.ok()) return enter.failure();
  std::vector<Frame> frames;
  std::string next;
  while (enter.value() || !frames.empty()) {
    if (enter.value()) {
      Result<Frame> frame = open_frame(root, next);
      if (!frame.ok()) return frame.failure();
      frames.push_back(std::move(frame.value()));
    }
    enter = false;
    if (frames.back().left.empty()) {
      frames.pop_back();
      continue;
    }
    Named named = std::move(frames.back().left.back());
    frames.back().left.pop_back();
    next = join_path(frames.back().path, named.name);
    enter = visit(next, named.stat);
    if (!enter.ok()) return enter.failure();
    if (!named.stat.is_directory()) enter = false;
  }
  return done();
}

}  // namespace tsbuild
