#include "masks.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cstring>
#include <string>

#include "common/text-file.h"
#include "devices.h"
#include "mounts.h"

namespace tsbuild {

constexpr const char* kMaskedProc[] = {"acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats"};
constexpr const char* kReadOnlyProc[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
constexpr const char* kMaskedSys[] = {"firmware", "devices/virtual/powercap", "fs/selinux"};

// Nothing when the kernel has no such file.
static Result<Fd> open_target(int root, const std::string& path) {
  Result<Fd> target = open_below(root, path, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (!target.ok() && target.failure().error == ENOENT) return Fd();
  return target;
}

// A file becomes /dev/null, a directory an empty one.
static Status cover(int root, const std::string& path) {
  Result<Fd> target = open_target(root, path);
  if (!target.ok()) return target.failure();
  if (!target.value().valid()) return done();
  struct stat found;
  if (::fstat(target.value().get(), &found) != 0) return errno_failure("fstat", path);
  Result<Fd> cover = S_ISDIR(found.st_mode) ? new_mount("tmpfs", {{"mode", "755"}, {"size", "4k"}}, MOUNT_ATTR_RDONLY | kNoSetidDevExec) : copy_null();
  return cover.ok() ? attach_mount(cover.value(), target.value().get()) : cover.failure();
}

static Status make_read_only(int root, const char* path) {
  Result<Fd> target = open_target(root, path);
  if (!target.ok()) return target.failure();
  if (!target.value().valid()) return done();
  Result<Fd> copy = copy_mount(target.value().get(), "", true);
  if (!copy.ok()) return copy.failure();
  Status status = restrict_mount(copy.value(), MOUNT_ATTR_RDONLY | kNoSetidDevExec, true);
  return status.ok() ? attach_mount(copy.value(), target.value().get()) : status;
}

Status mask_proc(int proc) {
  for (const char* path : kMaskedProc) {
    Status status = cover(proc, path);
    if (!status.ok()) return status;
  }
  for (const char* path : kReadOnlyProc) {
    Status status = make_read_only(proc, path);
    if (!status.ok()) return status;
  }
  return done();
}

// Each processor's thermal counters tell what its neighbours do.
static Status mask_thermal(int sys) {
  Result<Fd> cpus = open_below(sys, "devices/system/cpu", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (!cpus.ok()) return cpus.failure().error == ENOENT ? done() : Status(cpus.failure());
  DIR* folder = ::fdopendir(cpus.value().get());
  if (folder == nullptr) return errno_failure("fdopendir", "/sys/devices/system/cpu");
  int fd = cpus.value().release();
  Status status = done();
  while (const dirent* entry = ::readdir(folder)) {
    if (std::strncmp(entry->d_name, "cpu", 3) != 0 || entry->d_name[3] < '0' || entry->d_name[3] > '9') continue;
    status = cover(fd, std::string(entry->d_name) + "/thermal_throttle");
    if (!status.ok()) break;
  }
  (void)::closedir(folder);
  return status;
}

Status mask_sys(int sys) {
  for (const char* path : kMaskedSys) {
    Status status = cover(sys, path);
    if (!status.ok()) return status;
  }
  return mask_thermal(sys);
}

// They are covered, not left out: in a user namespace a copy without them is refused, since it would show what is below (mount_namespaces(7), "locked").
// An outer mount comes before those in it, which are not there any more once it is covered. proc(5), mountinfo: the path is the fifth word.
Status mask_mounts_of_sys(int sys) {
  Result<std::string> mounts = read_text_file("/proc/self/mountinfo");
  if (!mounts.ok()) return mounts.failure();
  for (const std::string& line : split(mounts.value(), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    if (words.size() < 5 || !words[4].starts_with("/sys/")) continue;
    std::string path = words[4].substr(5);
    if (path == "fs/cgroup" || path.starts_with("fs/cgroup/")) continue;
    Status status = cover(sys, path);
    if (!status.ok()) return status;
  }
  return done();
}

}  // namespace tsbuild
