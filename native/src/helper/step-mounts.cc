#include "step-mounts.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "folders.h"
#include "mounts.h"

namespace tsbuild {

static bool is_ours(const std::string& target) {
  for (const char* ours : {"/proc/", "/sys/", "/dev/"})
    if ((target + '/').starts_with(ours)) return true;
  return false;
}

// As runc mounts a tmpfs: over /root it is as private as /root is.
static Status take_mode(int root, const ReadyMount& mount) {
  Result<Fd> covered = open_in_root(root, mount.target, O_PATH);
  struct stat found;
  if (!covered.ok() || ::fstat(covered.value().get(), &found) != 0 || !S_ISDIR(found.st_mode)) return done();
  std::string path = "/proc/self/fd/" + std::to_string(mount.mount.get());
  return ::chmod(path.c_str(), found.st_mode & 07777) == 0 ? done() : Status(errno_failure("chmod", mount.target));
}

Status need_targets(int root, const std::vector<ReadyMount>& mounts, Stubs& stubs) {
  for (const ReadyMount& mount : mounts) {
    if (is_ours(mount.target)) continue;
    Status moded = mount.takes_mode ? take_mode(root, mount) : done();
    if (!moded.ok()) return moded;
    std::string path = mount.target.substr(1);
    Status needed = mount.directory ? stubs.need_directories(root, path) : stubs.need_file(root, path);
    // What is in the way may be hidden by another mount; attach_mounts knows.
    if (!needed.ok() && needed.failure().error != ENOTDIR && needed.failure().error != EINVAL) return Failure{needed.failure().error, "mount target", mount.target};
  }
  return done();
}

static Result<Fd> make_target(int root, const ReadyMount& mount) {
  size_t slash = mount.target.rfind('/');
  Result<Fd> folder = make_folders(root, mount.directory ? mount.target : mount.target.substr(0, slash), 0, 0);
  if (!folder.ok() || mount.directory) return folder;
  std::string name = mount.target.substr(slash + 1);
  if (::mknodat(folder.value().get(), name.c_str(), S_IFREG | 0644, 0) != 0) return errno_failure("mknodat", mount.target);
  return open_below(folder.value().get(), name, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
}

// A process of the step must find ours below /proc and /sys: nothing else is put there (CVE-2019-19921).
static Status check_target(const Fd& target, const ReadyMount& mount) {
  struct statfs system;
  struct stat found;
  if (::fstatfs(target.get(), &system) != 0 || ::fstat(target.get(), &found) != 0) return errno_failure("mount target", mount.target);
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) return Failure{EPERM, "mount target", mount.target};
  if (S_ISDIR(found.st_mode) == mount.directory) return done();
  return Failure{mount.directory ? ENOTDIR : EISDIR, "mount target", mount.target};
}

static Status attach_one(int root, const ReadyMount& mount) {
  Result<Fd> target = open_in_root(root, mount.target, O_PATH);
  if (!target.ok() && target.failure().error == ENOENT) target = make_target(root, mount);
  if (!target.ok()) return Failure{target.failure().error, "mount target", mount.target};
  Status fits = check_target(target.value(), mount);
  return fits.ok() ? attach_mount(mount.mount, target.value().get()) : fits;
}

Status attach_mounts(int root, const std::vector<ReadyMount>& mounts) {
  for (const ReadyMount& mount : mounts) {
    Status attached = attach_one(root, mount);
    if (!attached.ok()) return attached;
  }
  // Last: until here a mount point inside a read-only mount could still be made.
  for (const ReadyMount& mount : mounts) {
    Status restricted = mount.read_only ? restrict_mount(mount.mount, MOUNT_ATTR_RDONLY, false) : done();
    if (!restricted.ok()) return restricted;
  }
  return done();
}

}  // namespace tsbuild
