#include "helper/overlay.h"

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

#include "helper/remove.h"

namespace tsbuild {
namespace {

// glibc 2.36 has wrappers for these, older ones and musl have not: they are called by number.
int fs_open(const char* type) { return static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }
int fs_config(int fs, unsigned command, const char* key, const char* value, int aux) {
  return static_cast<int>(syscall(SYS_fsconfig, fs, command, key, value, aux));
}
int fs_mount(int fs) { return static_cast<int>(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0)); }
int move_onto(int mount, int target) {
  return static_cast<int>(syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

struct Layers {
  std::vector<Fd> lowers;  // topmost first
  Fd upper, work;          // not valid for a read-only mount
};

std::string fd_path(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

// A directory as a parameter: by descriptor (Linux 6.13), else by its name in /proc, which is short enough for fsconfig(2)'s 256 bytes.
Status set_directory(int fs, const char* key, const Fd& directory) {
  if (fs_config(fs, FSCONFIG_SET_FD, key, nullptr, directory.get()) == 0) return done();
  if (fs_config(fs, FSCONFIG_SET_STRING, key, fd_path(directory).c_str(), 0) == 0) return done();
  return errno_failure("fsconfig", key);
}

Status set_flag(int fs, const char* key) {
  if (fs_config(fs, FSCONFIG_SET_FLAG, key, nullptr, 0) != 0) return errno_failure("fsconfig", key);
  return done();
}

Status configure(int fs, const Layers& layers) {
  if (Status set = set_flag(fs, "userxattr"); !set.ok()) return set;
  for (const Fd& lower : layers.lowers) {
    if (Status set = set_directory(fs, "lowerdir+", lower); !set.ok()) return set;
  }
  if (!layers.upper.valid()) return done();
  if (Status set = set_directory(fs, "upperdir", layers.upper); !set.ok()) return set;
  if (Status set = set_directory(fs, "workdir", layers.work); !set.ok()) return set;
  return set_flag(fs, "volatile");
}

// fsopen(2): Linux 5.2; "lowerdir+": Linux 6.8. No limit of a page for the options.
Result<Fd> mount_by_parts(const Layers& layers, const std::string& target) {
  Fd fs(fs_open("overlay"));
  if (!fs.valid()) return errno_failure("fsopen", "overlay");
  if (Status set = configure(fs.get(), layers); !set.ok()) return set.failure();
  if (fs_config(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno_failure("fsconfig", "create overlay");
  Fd mount(fs_mount(fs.get()));
  if (!mount.valid()) return errno_failure("fsmount", "overlay");
  Fd below(open(target.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!below.valid()) return errno_failure("open", target);
  if (move_onto(mount.get(), below.get()) != 0) return errno_failure("move_mount", target);
  return mount;
}

// mount(2) takes one page of options: with /proc/self/fd as working directory a lower is 2 to 5 bytes ("17:"), so that 500 of them fit.
Result<Fd> mount_by_string(const Layers& layers, const std::string& target) {
  std::string options = "userxattr,lowerdir=";
  for (const Fd& lower : layers.lowers) options += (&lower == &layers.lowers.front() ? "" : ":") + std::to_string(lower.get());
  if (layers.upper.valid()) {
    options += ",upperdir=" + std::to_string(layers.upper.get()) + ",workdir=" + std::to_string(layers.work.get()) + ",volatile";
  }
  if (chdir("/proc/self/fd") != 0) return errno_failure("chdir", "/proc/self/fd");
  int mounted = mount("overlay", target.c_str(), "overlay", 0, options.c_str());
  int error = errno;
  if (chdir("/") != 0) return errno_failure("chdir", "/");
  if (mounted != 0) return Failure{error, "mount", target};
  Fd root(open(target.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) return errno_failure("open", target);
  return root;
}

Result<Fd> mount_layers(const Layers& layers, const std::string& target) {
  const char* forced = getenv("TSBUILD_OVERLAY_MOUNT");  // "string" is for tests of the fall-back
  if (forced == nullptr || std::strcmp(forced, "string") != 0) {
    Result<Fd> mounted = mount_by_parts(layers, target);
    if (mounted.ok()) return mounted;
  }
  return mount_by_string(layers, target);
}

Result<std::vector<Fd>> open_lowers(const Tree& tree) {
  std::vector<Fd> lowers;
  for (const std::string& folder : tree.lowers) {
    Result<Fd> lower = open_folder(folder, "fs");
    if (!lower.ok()) return lower.failure();
    lowers.push_back(std::move(lower.value()));
  }
  return lowers;
}

// An empty directory `active/name`; what was there is removed.
Result<Fd> fresh_folder(const std::string& active, const char* name) {
  std::string path = active + "/" + name;
  if (Status removed = remove_tree(path); !removed.ok()) return removed.failure();
  if (mkdir(path.c_str(), 0700) != 0) return errno_failure("mkdir", path);
  return open_folder(active, name);
}

}  // namespace

Result<Fd> mount_overlay(const Tree& tree) {
  Result<std::vector<Fd>> lowers = open_lowers(tree);
  if (!lowers.ok()) return lowers.failure();
  Result<Fd> upper = open_folder(tree.active, "fs");
  if (!upper.ok()) return upper.failure();
  Result<Fd> work = fresh_folder(tree.active, "work");
  if (!work.ok()) return work.failure();
  if (Result<Fd> merged = fresh_folder(tree.active, "merged"); !merged.ok()) return merged.failure();
  return mount_layers({std::move(lowers.value()), std::move(upper.value()), std::move(work.value())}, tree.active + "/merged");
}

Result<Fd> mount_lowers(const Tree& tree) {
  Result<std::vector<Fd>> lowers = open_lowers(tree);
  if (!lowers.ok()) return lowers.failure();
  if (Result<Fd> target = fresh_folder(tree.active, "lower"); !target.ok()) return target.failure();
  // Two lowers are the least that can be mounted without an upper: an empty one below the others changes nothing.
  if (lowers.value().size() == 1) {
    Result<Fd> empty = fresh_folder(tree.active, "work");
    if (!empty.ok()) return empty.failure();
    lowers.value().push_back(std::move(empty.value()));
  }
  return mount_layers({std::move(lowers.value()), Fd(), Fd()}, tree.active + "/lower");
}

}  // namespace tsbuild
