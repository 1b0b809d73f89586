#include "helper/copy.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>

#include "common/new-file.h"
#include "helper/walk.h"
#include "helper/xattr.h"

namespace tsbuild {
namespace {

// The directory of the name being copied, open on both sides. Siblings follow each other, so one pair is enough.
struct Parent {
  std::string path;
  Fd from, to;
};

struct Copy {
  int from, to;
  Parent parent;
  std::map<uint64_t, std::string> linked;  // inode -> its first name
  std::vector<std::string> directories;    // their times are set last, the innermost first
};

Status enter_parent(Copy& copy, const std::string& path) {
  std::string directory(parent_of(path));
  if (copy.parent.from.valid() && copy.parent.path == directory) return done();
  Result<Fd> from = open_strictly(copy.from, directory, O_PATH | O_DIRECTORY);
  if (!from.ok()) return from.failure();
  Result<Fd> to = open_strictly(copy.to, directory, O_PATH | O_DIRECTORY);
  if (!to.ok()) return to.failure();
  copy.parent = {std::move(directory), std::move(from.value()), std::move(to.value())};
  return done();
}

void times_of(const Stat& stat, timespec (&times)[2]) {
  times[0] = {0, UTIME_OMIT};
  times[1] = {static_cast<time_t>(stat.mtime_sec), static_cast<long>(stat.mtime_nsec)};
}

// The order matters: chown(2) clears set-id bits and file capabilities, and everything before the times changes them.
Status copy_metadata(int from, int to, const Stat& stat, const std::string& path, bool overlays = true) {
  if (fchown(to, stat.uid, stat.gid) != 0) return errno_failure("fchown", path);
  Result<std::vector<Xattr>> xattrs = read_all_xattrs(from, path);
  if (!xattrs.ok()) return xattrs.failure();
  if (!overlays) std::erase_if(xattrs.value(), [](const Xattr& xattr) { return is_overlays_own(xattr.name); });
  if (Status written = write_xattrs(to, xattrs.value(), path); !written.ok()) return written;
  if (fchmod(to, stat.mode & 07777) != 0) return errno_failure("fchmod", path);
  timespec times[2];
  times_of(stat, times);
  if (futimens(to, times) != 0) return errno_failure("futimens", path);
  return done();
}

// One run of data. copy_file_range(2) between file systems, or on some of them, is refused: then the bytes pass through here.
Status copy_range(int from, int to, off_t start, off_t end, const std::string& path) {
  off_t read_at = start, write_at = start;
  while (read_at < end) {
    ssize_t moved = copy_file_range(from, &read_at, to, &write_at, static_cast<size_t>(end - read_at), 0);
    if (moved > 0) continue;
    if (moved < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno_failure("copy_file_range", path);
    char buffer[1 << 16];
    size_t want = std::min(sizeof buffer, static_cast<size_t>(end - read_at));
    Result<size_t> size = pread_full(from, buffer, want, static_cast<uint64_t>(read_at), path);
    if (!size.ok()) return size.failure();
    if (size.value() == 0) return Failure{EIO, "file shrank while it was copied", path};
    if (Status written = pwrite_all(to, buffer, size.value(), static_cast<uint64_t>(write_at), path); !written.ok()) return written;
    read_at += static_cast<off_t>(size.value());
    write_at = read_at;
  }
  return done();
}

Status copy_content(int from, int to, uint64_t size, const std::string& path) {
  if (size == 0 || ioctl(to, FICLONE, from) == 0) return done();
  if (ftruncate(to, static_cast<off_t>(size)) != 0) return errno_failure("ftruncate", path);
  for (off_t position = 0;;) {
    off_t data = lseek(from, position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return done();  // nothing but a hole until the end
    if (data < 0) return errno_failure("lseek", path);
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return errno_failure("lseek", path);
    if (Status copied = copy_range(from, to, data, hole, path); !copied.ok()) return copied;
    position = hole;
  }
}

Status copy_file(Copy& copy, const std::string& path, const std::string& name, const Stat& stat) {
  Result<Fd> from = open_strictly(copy.parent.from.get(), name, O_RDONLY | O_NONBLOCK);
  if (!from.ok()) return from.failure();
  Fd to(openat(copy.parent.to.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) return errno_failure("openat", path);
  if (Status copied = copy_content(from.value().get(), to.get(), stat.size, path); !copied.ok()) return copied;
  return copy_metadata(from.value().get(), to.get(), stat, path);
}

Status copy_link(Copy& copy, const std::string& path, const std::string& name, const std::string& first) {
  Result<Fd> directory = open_strictly(copy.to, std::string(parent_of(first)), O_PATH | O_DIRECTORY);
  if (!directory.ok()) return directory.failure();
  std::string target(name_of(first));
  if (linkat(directory.value().get(), target.c_str(), copy.parent.to.get(), name.c_str(), 0) != 0) return errno_failure("linkat", path);
  return done();
}

// Symlinks, fifos, sockets and whiteouts have no content, and no xattrs that could be read.
Status copy_special(Copy& copy, const std::string& path, const std::string& name, const Stat& stat) {
  int to = copy.parent.to.get();
  if (stat.format() == S_IFLNK) {
    Result<std::string> target = read_link(copy.parent.from.get(), name);
    if (!target.ok()) return target.failure();
    if (symlinkat(target.value().c_str(), to, name.c_str()) != 0) return errno_failure("symlinkat", path);
  } else if (mknodat(to, name.c_str(), stat.format() | 0600, makedev(stat.rdev_major, stat.rdev_minor)) != 0) {
    return errno_failure("mknodat", path);
  }
  if (fchownat(to, name.c_str(), stat.uid, stat.gid, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fchownat", path);
  // fchmodat(2) has no way not to follow, but this name was made above and is no symlink.
  if (stat.format() != S_IFLNK && fchmodat(to, name.c_str(), stat.mode & 07777, 0) != 0) return errno_failure("fchmodat", path);
  timespec times[2];
  times_of(stat, times);
  if (utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("utimensat", path);
  return done();
}

Status copy_one(Copy& copy, const std::string& path, const Stat& stat) {
  if (path.empty()) return done();
  if (Status entered = enter_parent(copy, path); !entered.ok()) return entered;
  std::string name(name_of(path));
  if (stat.is_directory()) {
    copy.directories.push_back(path);
    if (mkdirat(copy.parent.to.get(), name.c_str(), 0700) != 0) return errno_failure("mkdirat", path);
    return done();
  }
  if (stat.links > 1) {
    auto [first, fresh] = copy.linked.try_emplace(stat.inode, path);
    if (!fresh) return copy_link(copy, path, name, first->second);
  }
  return stat.format() == S_IFREG ? copy_file(copy, path, name, stat) : copy_special(copy, path, name, stat);
}

Status copy_directory(int from, int to, bool overlays) {
  Result<Fd> readable = open_strictly(from, "", O_RDONLY | O_DIRECTORY);
  if (!readable.ok()) return readable.failure();
  Result<Fd> target = open_strictly(to, "", O_RDONLY | O_DIRECTORY);
  if (!target.ok()) return target.failure();
  Result<Stat> stat = stat_at(from, "");
  if (!stat.ok()) return stat.failure();
  return copy_metadata(readable.value().get(), target.value().get(), stat.value(), "", overlays);
}

}  // namespace

Status copy_directory_metadata(int from, int to) { return copy_directory(from, to, false); }

Status copy_tree(int from, int to) {
  Copy copy{from, to, {}, {}, {}};
  Status walked = walk_tree(from, [&](const std::string& path, const Stat& stat) -> Result<bool> {
    if (Status copied = copy_one(copy, path, stat); !copied.ok()) return copied.failure();
    return true;
  });
  if (!walked.ok()) return walked;
  for (size_t i = copy.directories.size(); i-- > 0;) {
    Result<Fd> source = open_strictly(from, copy.directories[i], O_PATH | O_DIRECTORY);
    if (!source.ok()) return source.failure();
    Result<Fd> target = open_strictly(to, copy.directories[i], O_PATH | O_DIRECTORY);
    if (!target.ok()) return target.failure();
    if (Status set = copy_directory(source.value().get(), target.value().get(), true); !set.ok()) return set;
  }
  return copy_directory(from, to, true);
}

}  // namespace tsbuild
