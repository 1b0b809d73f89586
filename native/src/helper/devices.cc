#include "devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mounts.h"

namespace tsbuild {

constexpr uint32_t kTtyGroup = 5;

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr Device kDevices[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"}};

static Result<Fd> copy_device(const Device& device) {
  std::string path = std::string("/dev/") + device.name;
  Result<Fd> node = copy_mount(AT_FDCWD, path.c_str(), false);
  if (!node.ok()) return node;
  struct stat found;
  if (::fstat(node.value().get(), &found) != 0) return errno_failure("fstat", path);
  if (!S_ISCHR(found.st_mode) || found.st_rdev != makedev(device.major, device.minor)) return Failure{ENODEV, "not that device", path};
  return node;
}

Result<Fd> copy_null() { return copy_device(kDevices[0]); }

static Status add_device(int dev, const Device& device) {
  Result<Fd> node = copy_device(device);
  if (!node.ok()) return node.failure();
  Fd place(::openat(dev, device.name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!place.valid()) return errno_failure("openat", device.name);
  return attach_mount(node.value(), place.get());
}

static Status add_mount(int dev, const char* name, const char* type, const MountOptions& options, unsigned attributes) {
  if (::mkdirat(dev, name, 0755) != 0) return errno_failure("mkdirat", name);
  Fd place(::openat(dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.valid()) return errno_failure("openat", name);
  Result<Fd> mount = new_mount(type, options, attributes);
  if (!mount.ok()) return mount.failure();
  return attach_mount(mount.value(), place.get());
}

Status make_devices(int target, const Extents& groups, uint64_t shm_size) {
  Result<Fd> dev = new_mount("tmpfs", {{"mode", "755"}, {"size", "64m"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
  if (!dev.ok()) return dev.failure();
  Status status = attach_mount(dev.value(), target);
  int root = dev.value().get();
  for (const Device& device : kDevices)
    if (status.ok()) status = add_device(root, device);
  // With an unmapped group the mount would fail, which alone takes 0.8 ms.
  MountOptions pts{{"ptmxmode", "0666"}, {"mode", "0620"}};
  if (contains(groups, kTtyGroup)) pts.push_back({"gid", std::to_string(kTtyGroup)});
  if (status.ok()) status = add_mount(root, "pts", "devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (status.ok()) status = add_mount(root, "shm", "tmpfs", {{"mode", "1777"}, {"size", std::to_string(shm_size)}}, kNoSetidDevExec);
  // Of the step's own ipc namespace, which only its owner may mount.
  if (status.ok()) status = add_mount(root, "mqueue", "mqueue", {}, kNoSetidDevExec);
  for (const Link& link : kLinks)
    if (status.ok() && ::symlinkat(link.target, root, link.name) != 0) status = errno_failure("symlinkat", link.name);
  return status;
}

}  // namespace tsbuild
