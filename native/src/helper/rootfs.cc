#include "rootfs.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstring>

#include "common/frame.h"
#include "devices.h"
#include "masks.h"
#include "mounts.h"

namespace tsbuild {

// All are opened before anything is mounted, so that no link of the image can lead into a /proc or /dev of ours.
struct Targets {
  Fd proc, sys, dev, hosts, resolv_conf;
};

static Status open_directory(int root, const char* name, Fd& target) {
  Result<Fd> fd = open_below(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!fd.ok()) return fd.failure();
  target = std::move(fd.value());
  return done();
}

static Status open_file(int root, const char* path, Fd& target) {
  Result<Fd> fd = open_in_root(root, path, O_PATH);
  if (!fd.ok()) return fd.failure();
  struct stat found;
  if (::fstat(fd.value().get(), &found) != 0) return errno_failure("fstat", path);
  if (!S_ISREG(found.st_mode)) return Failure{EINVAL, "no regular file in the image", std::string("/") + path};
  target = std::move(fd.value());
  return done();
}

static Result<Targets> open_targets(int root) {
  Targets targets;
  Status status = open_directory(root, "proc", targets.proc);
  if (status.ok()) status = open_directory(root, "sys", targets.sys);
  if (status.ok()) status = open_directory(root, "dev", targets.dev);
  if (status.ok()) status = open_file(root, "etc/hosts", targets.hosts);
  if (status.ok()) status = open_file(root, "etc/resolv.conf", targets.resolv_conf);
  if (!status.ok()) return status.failure();
  return targets;
}

// The tree as a mount of its own, on top of where it is: pivot_root(2) wants a mount point. Device nodes in it are names, not devices: /dev is ours.
static Result<Fd> make_root() {
  Result<Fd> root = copy_mount(AT_FDCWD, ".", true);
  if (!root.ok()) return root;
  Status status = restrict_mount(root.value(), MOUNT_ATTR_NODEV, true);
  Fd here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here.valid()) return errno_failure("open", ".");
  if (status.ok()) status = attach_mount(root.value(), here.get());
  if (!status.ok()) return status.failure();
  return root;
}

static Status write_file(int folder, const char* name, const std::string& content) {
  Fd file(::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) return errno_failure("openat", name);
  return write_all(file.get(), content);
}

static Status mount_file(int folder, const char* name, int target) {
  Result<Fd> mount = copy_mount(folder, name, false);
  return mount.ok() ? attach_mount(mount.value(), target) : mount.failure();
}

// Private files that the step may write, as Docker's are.
static Status add_files(const Targets& targets, const View& view) {
  Result<Fd> files = new_mount("tmpfs", {{"mode", "755"}, {"size", "4m"}}, kNoSetidDevExec);
  if (!files.ok()) return files.failure();
  int folder = files.value().get();
  Status status = write_file(folder, "hosts", view.hosts);
  if (status.ok()) status = write_file(folder, "resolv.conf", view.resolv_conf);
  if (status.ok()) status = mount_file(folder, "hosts", targets.hosts.get());
  if (status.ok()) return mount_file(folder, "resolv.conf", targets.resolv_conf.get());
  if (status.failure().error != EINVAL) return status;
  // Before Linux 6.15 only what is attached can be copied: it is, for a moment, where /dev will be.
  status = attach_mount(files.value(), targets.dev.get());
  if (status.ok()) status = mount_file(folder, "hosts", targets.hosts.get());
  if (status.ok()) status = mount_file(folder, "resolv.conf", targets.resolv_conf.get());
  if (!status.ok()) return status;
  if (::fchdir(folder) != 0) return errno_failure("fchdir");
  if (::umount2(".", MNT_DETACH) != 0) return errno_failure("umount2");
  return done();
}

// Of our own pid namespace. EPERM where the /proc we live in is itself masked, as in a container without systempaths=unconfined.
static Status add_proc(int target, bool masked) {
  Result<Fd> proc = new_mount("proc", {}, kNoSetidDevExec);
  if (!proc.ok()) return proc.failure();
  struct statfs kind;
  if (::fstatfs(proc.value().get(), &kind) != 0) return errno_failure("fstatfs", "/proc");
  if (kind.f_type != PROC_SUPER_MAGIC) return Failure{EINVAL, "no procfs", "/proc"};  // CVE-2019-19921: writes to it must land there
  Status status = attach_mount(proc.value(), target);
  return status.ok() && masked ? mask_proc(proc.value().get()) : status;
}

// A new sysfs shows our network namespace and is to be had only with one of our own; else it is the host's, read-only all the way down.
static Status add_sys(int target, bool own_network, bool masked) {
  Result<Fd> sys = own_network ? new_mount("sysfs", {}, kNoSetidDevExec) : Result<Fd>(Fd());
  bool is_copy = !sys.ok() || !sys.value().valid();
  if (is_copy) sys = copy_mount(AT_FDCWD, "/sys", true);
  if (!sys.ok()) return sys.failure();
  Status status = restrict_mount(sys.value(), MOUNT_ATTR_RDONLY | kNoSetidDevExec, true);
  if (status.ok()) status = attach_mount(sys.value(), target);
  if (status.ok() && is_copy) status = mask_mounts_of_sys(sys.value().get());
  return status.ok() && masked ? mask_sys(sys.value().get()) : status;
}

// On an initramfs pivot_root(2) is EINVAL; then the tree is moved over "/" instead.
static Status change_root(const Fd& root) {
  if (::fchdir(root.get()) != 0) return errno_failure("fchdir");
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    // The old root is on top of the new one now, and "." is still the new one below it.
    if (::umount2(".", MNT_DETACH) != 0) return errno_failure("umount2", "old root");
  } else {
    if (errno != EINVAL) return errno_failure("pivot_root");
    if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return errno_failure("mount", "/");
    if (::chroot(".") != 0) return errno_failure("chroot");
  }
  return ::chdir("/") == 0 ? done() : Status(errno_failure("chdir", "/"));
}

Status enter_root(const View& view) {
  Result<Fd> root = make_root();
  if (!root.ok()) return root.failure();
  Result<Targets> targets = open_targets(root.value().get());
  if (!targets.ok()) return targets.failure();
  Status status = add_files(targets.value(), view);
  if (status.ok()) status = add_proc(targets.value().proc.get(), view.masked);
  if (status.ok()) status = add_sys(targets.value().sys.get(), view.own_network, view.masked);
  // Below the step's /dev, before that is there.
  if (status.ok()) status = add_emulation(targets.value().dev.get(), view.emulation, view.own_user_namespace);
  if (status.ok()) status = make_devices(targets.value().dev.get(), view.groups, view.shm_size);
  if (status.ok()) status = attach_mounts(root.value().get(), view.mounts);
  return status.ok() ? change_root(root.value()) : status;
}

}  // namespace tsbuild
