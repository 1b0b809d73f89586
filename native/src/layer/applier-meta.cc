#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "layer/applier.h"
#include "layer/xattr.h"

namespace tsbuild {
namespace {

bool inside(const std::vector<IdExtent>& extents, uint32_t id) {
  return extents.empty() || std::any_of(extents.begin(), extents.end(), [&](const IdExtent& extent) { return id >= extent.inside && id - extent.inside < extent.count; });
}

timespec time_of(const Entry& entry) { return {static_cast<time_t>(entry.mtime_sec), static_cast<long>(entry.mtime_nsec)}; }

// The failures of setxattr(2) that are about space or the disk, not about this attribute being refused.
bool out_of_space(int error) { return error == ENOSPC || error == EDQUOT || error == EIO; }

}  // namespace

Result<Applier::Owner> Applier::owner_of(const Entry& entry) const {
  Owner owner{entry.uid, entry.gid, entry.mode, false};
  if (!options_.chown) {
    owner.mode &= 01777;
    return owner;
  }
  if (inside(options_.uids, entry.uid) && inside(options_.gids, entry.gid)) return owner;
  if (options_.refuse_foreign) {
    return Failure{EOVERFLOW, "owner " + std::to_string(entry.uid) + ':' + std::to_string(entry.gid) + " is outside the id map", entry.path};
  }
  // Set-id bits would now mean root, who was never meant.
  return Owner{0, 0, entry.mode & 01777, true};
}

// Owner first: chown(2) clears set-id bits and security.capability. Times last.
Status Applier::set_fd_meta(int fd, const Entry& entry, const std::string& real, bool times) {
  auto owner = owner_of(entry);
  if (!owner.ok()) return owner.failure();
  const Owner& own = owner.value();
  if (options_.chown && ::fchown(fd, own.uid, own.gid) != 0) return errno_failure("fchown", entry.path);
  const timespec mtime = time_of(entry);
  if (times) {
    if (::fchmod(fd, own.mode) != 0) return errno_failure("fchmod", entry.path);
  } else {
    directories_[real] = {own.mode, mtime};
  }
  std::vector<Xattr> kept;
  if (Status status = set_fd_xattrs(fd, kept); !status.ok()) return status;
  const timespec both[2] = {mtime, mtime};
  if (times && ::futimens(fd, both) != 0) return errno_failure("futimens", entry.path);
  record(entry, own, real, std::move(kept));
  return done();
}

// Symlinks, fifos, devices and their placeholders: things that are not opened.
Status Applier::set_node_meta(const Parent& parent, const std::string& name, const Entry& entry, const std::string& real) {
  auto owner = owner_of(entry);
  if (!owner.ok()) return owner.failure();
  const Owner& own = owner.value();
  const int directory = parent.fd.get();
  if (options_.chown && ::fchownat(directory, name.c_str(), own.uid, own.gid, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fchownat", entry.path);
  if (entry.type != FileType::kSymlink && ::fchmodat(directory, name.c_str(), own.mode, 0) != 0) return errno_failure("fchmodat", entry.path);
  std::vector<Xattr> kept;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + '/' + name;
  for (const Xattr& xattr : entry.xattrs) {
    const int result = options_.chown ? ::lsetxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) : 0;
    if (Status status = set_xattr(result, xattr, kept); !status.ok()) return status;
  }
  const timespec both[2] = {time_of(entry), time_of(entry)};
  if (::utimensat(directory, name.c_str(), both, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("utimensat", entry.path);
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fstatat", entry.path);
  record(entry, own, real, std::move(kept), S_ISREG(st.st_mode));
  return done();
}

Status Applier::set_fd_xattrs(int fd, std::vector<Xattr>& kept) const {
  for (const Xattr& xattr : tar_.entry().xattrs) {
    if (!options_.chown && !xattr.name.starts_with("user.")) continue;
    const int result = ::fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0);
    if (Status status = set_xattr(result, xattr, kept); !status.ok()) return status;
  }
  return done();
}

// What the kernel refuses is recorded where it means something to an image, else dropped.
Status Applier::set_xattr(int result, const Xattr& xattr, std::vector<Xattr>& kept) const {
  if (result == 0) return done();
  if (out_of_space(errno)) return errno_failure("setxattr", tar_.entry().path);
  if (xattr.name.starts_with("trusted.") || xattr.name == "security.capability") kept.push_back(xattr);
  return done();
}

void Applier::record(const Entry& entry, const Owner& owner, const std::string& real, std::vector<Xattr> kept, bool placeholder) {
  if (options_.owners == nullptr || !options_.chown) return;
  if (!owner.foreign && kept.empty() && !placeholder) return options_.owners->erase(real);
  options_.owners->set({real, entry.type, entry.mode, entry.uid, entry.gid, entry.rdev_major, entry.rdev_minor, std::move(kept)});
}

// The entry of a directory replaces all attributes of the one that is there (image-spec v1.1, layer.md, "Modifications").
Status Applier::drop_old_xattrs(int fd) const {
  if (!options_.chown) return done();  // a folder of the caller's keeps what it has
  auto old = read_xattrs(fd, tar_.entry().path);
  if (!old.ok()) return old.failure();
  for (const Xattr& xattr : old.value()) {
    if (::fremovexattr(fd, xattr.name.c_str()) != 0 && out_of_space(errno)) return errno_failure("fremovexattr", tar_.entry().path);
  }
  return done();
}

// Children before their parents: setting a mode may close the way to what is below.
Status Applier::finish_directories() {
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
    const auto& [real, meta] = *it;
    auto fd = open_in_root(root_, real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.ok()) {
      const int error = fd.failure().error;
      if (error == ENOENT || error == ENOTDIR || error == ELOOP) continue;  // replaced by a later entry
      return fd.failure();
    }
    if (::fchmod(fd.value().get(), meta.mode) != 0) return errno_failure("fchmod", real);
    const timespec both[2] = {meta.mtime, meta.mtime};
    if (::futimens(fd.value().get(), both) != 0) return errno_failure("futimens", real);
  }
  return done();
}

}  // namespace tsbuild
