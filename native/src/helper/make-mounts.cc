// The mounts of a step, made and not attached.
#include <sys/stat.h>

#include <algorithm>

#include "cache-folder.h"
#include "common/frame.h"
#include "mounts.h"
#include "step-mounts.h"

namespace tsbuild {

static void read_ids(Reader& body, StepMount& mount) {
  mount.mode = body.u32() & 07777;
  mount.uid = body.u32();
  mount.gid = body.u32();
}

static Status read_own_tree(Reader& body, StepMount& mount) {
  Result<Tree> tree = read_tree(body);
  if (!tree.ok()) return tree.failure();
  mount.tree = std::move(tree.value());
  return done();
}

static Result<StepMount> read_mount(Reader& body) {
  StepMount mount;
  uint8_t kind = body.u8();
  mount.kind = static_cast<MountKind>(kind);
  mount.target = body.bytes();
  mount.read_only = body.u8() != 0;
  mount.source = body.bytes();
  mount.path = body.bytes();
  mount.size = body.u64();
  mount.content = body.bytes();
  read_ids(body, mount);
  mount.seeded = body.u8() != 0;
  if (body.bad() || kind > static_cast<uint8_t>(MountKind::kHost) || !mount.target.starts_with('/')) return Failure{EPROTO, "mount", {}};
  Status tree = mount.kind == MountKind::kTree || mount.seeded ? read_own_tree(body, mount) : done();
  if (!tree.ok()) return tree.failure();
  return mount;
}

Result<std::vector<StepMount>> read_mounts(Reader& body) {
  std::vector<StepMount> mounts;
  uint32_t count = body.count();
  if (count > kMaxMounts) return Failure{E2BIG, "too many mounts", std::to_string(count)};
  for (uint32_t i = 0; i < count; i++) {
    Result<StepMount> mount = read_mount(body);
    if (!mount.ok()) return mount.failure();
    mounts.push_back(std::move(mount.value()));
  }
  std::sort(mounts.begin(), mounts.end(), [](const StepMount& a, const StepMount& b) { return a.target < b.target; });
  return mounts;
}

static Status check_owner(const StepMount& mount, const IdMap& map) {
  if (!contains(map.users, mount.uid)) return Failure{EINVAL, "user id is not mapped", std::to_string(mount.uid)};
  if (!contains(map.groups, mount.gid)) return Failure{EINVAL, "group id is not mapped", std::to_string(mount.gid)};
  return done();
}

// The part of a tree that is shown. Device nodes in it are names, not devices.
static Result<ReadyMount> part_of(const Fd& root, const StepMount& mount) {
  Result<Fd> part = open_in_root(root.get(), mount.source, O_PATH);
  if (!part.ok()) return Failure{part.failure().error, "mount source", mount.source};
  struct stat found;
  if (::fstat(part.value().get(), &found) != 0) return errno_failure("fstat", mount.source);
  Result<Fd> copy = copy_mount(part.value().get(), "", false);
  if (!copy.ok()) return copy.failure();
  Status restricted = restrict_mount(copy.value(), MOUNT_ATTR_NODEV, false);
  if (!restricted.ok()) return restricted.failure();
  return ReadyMount{mount.target, std::move(copy.value()), S_ISDIR(found.st_mode), mount.read_only};
}

static Result<ReadyMount> tree_mount(const StepMount& mount) {
  Result<MountedTree> tree = mount_tree(mount.tree);
  if (!tree.ok()) return tree.failure();
  return part_of(tree.value().root, mount);
}

static Result<ReadyMount> folder_mount(const StepMount& mount, const std::string& active) {
  Result<Fd> root = open_cache(mount, active);
  if (!root.ok()) return root.failure();
  return part_of(root.value(), mount);
}

static Result<ReadyMount> tmpfs_mount(const StepMount& mount) {
  MountOptions options{{"mode", "1777"}};
  if (mount.size != 0) options.push_back({"size", std::to_string(mount.size)});
  Result<Fd> tmpfs = new_mount("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!tmpfs.ok()) return tmpfs.failure();
  return ReadyMount{mount.target, std::move(tmpfs.value()), true, mount.read_only, true};
}

static Status give(int fd, const StepMount& mount) {
  if (::fchownat(fd, "", mount.uid, mount.gid, AT_EMPTY_PATH) != 0) return errno_failure("fchownat", mount.target);
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::chmod(path.c_str(), mount.mode) == 0 ? done() : Status(errno_failure("chmod", mount.target));
}

// A tmpfs of ours holds the files, so that no secret is ever on a disk. Attached, because before Linux 6.15 only what is attached can be copied.
class Files {
 public:
  explicit Files(const std::string& active) : active_(active) {}
  Result<ReadyMount> add(const StepMount& mount) {
    Status made = folder_.valid() ? done() : attach();
    if (!made.ok()) return made.failure();
    std::string name = std::to_string(count_++);
    Fd file(::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.valid()) return errno_failure("openat", mount.target);
    Status written = write_all(file.get(), mount.content);
    if (written.ok()) written = give(file.get(), mount);
    if (!written.ok()) return written.failure();
    file.reset();
    Result<Fd> copy = copy_mount(folder_.get(), name.c_str(), false);
    if (!copy.ok()) return copy.failure();
    return ReadyMount{mount.target, std::move(copy.value()), false, mount.read_only};
  }

 private:
  Status attach() {
    std::string path = active_ + "/files";
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return errno_failure("mkdir", path);
    Result<Fd> place = open_folder(active_, "files");
    if (!place.ok()) return place.failure();
    Result<Fd> files = new_mount("tmpfs", {{"mode", "700"}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (!files.ok()) return files.failure();
    folder_ = std::move(files.value());
    return attach_mount(folder_, place.value().get());
  }
  const std::string& active_;
  Fd folder_;
  unsigned count_ = 0;
};

static Result<ReadyMount> socket_mount(const StepMount& mount) {
  Fd socket(::open(mount.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!socket.valid()) return errno_failure("open", mount.path);
  struct stat found;
  if (::fstat(socket.get(), &found) != 0) return errno_failure("fstat", mount.path);
  if (!S_ISSOCK(found.st_mode)) return Failure{ENOTSOCK, "mount source", mount.path};
  Status given = give(socket.get(), mount);
  if (!given.ok()) return given.failure();
  Result<Fd> copy = copy_mount(socket.get(), "", false);
  if (!copy.ok()) return copy.failure();
  return ReadyMount{mount.target, std::move(copy.value()), false, mount.read_only};
}

// What a device specification of this machine names: links in it are the administrator's. Devices in it are devices.
static Result<ReadyMount> host_mount(const StepMount& mount) {
  Fd path(::open(mount.path.c_str(), O_PATH | O_CLOEXEC));
  if (!path.valid()) return Failure{errno, "mount source", mount.path};
  struct stat found;
  if (::fstat(path.get(), &found) != 0) return errno_failure("fstat", mount.path);
  Result<Fd> copy = copy_mount(path.get(), "", true);
  if (!copy.ok()) return copy.failure();
  return ReadyMount{mount.target, std::move(copy.value()), S_ISDIR(found.st_mode), mount.read_only};
}

static Result<ReadyMount> make_mount(const StepMount& mount, const std::string& active, Files& files) {
  switch (mount.kind) {
    case MountKind::kTree: return tree_mount(mount);
    case MountKind::kFolder: return folder_mount(mount, active);
    case MountKind::kTmpfs: return tmpfs_mount(mount);
    case MountKind::kFile: return files.add(mount);
    case MountKind::kSocket: return socket_mount(mount);
    case MountKind::kHost: return host_mount(mount);
  }
  return Failure{EPROTO, "mount", mount.target};
}

Result<std::vector<ReadyMount>> make_mounts(const std::vector<StepMount>& mounts, const std::string& active, const IdMap& map) {
  Files files(active);
  std::vector<ReadyMount> ready;
  for (const StepMount& mount : mounts) {
    Status owned = check_owner(mount, map);
    if (!owned.ok()) return owned.failure();
    Result<ReadyMount> made = make_mount(mount, active, files);
    if (!made.ok()) return made.failure();
    ready.push_back(std::move(made.value()));
  }
  return ready;
}

}  // namespace tsbuild
