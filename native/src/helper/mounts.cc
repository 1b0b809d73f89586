#include "mounts.h"

namespace tsbuild {

Result<Fd> new_mount(const char* type, const MountOptions& options, unsigned attributes) {
  Fd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_failure("fsopen", type);
  // What mount(8) shows as the device; it would be "none".
  if (::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", type, 0) != 0) return errno_failure("fsconfig", "source");
  for (const auto& [key, value] : options)
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) != 0) return errno_failure("fsconfig", std::string(type) + ' ' + key);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno_failure("fsconfig", type);
  Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount.valid()) return errno_failure("fsmount", type);
  return mount;
}

Result<Fd> copy_mount(int folder, const char* path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  if (recursive) flags |= AT_RECURSIVE;
  Fd mount(::open_tree(folder, path, flags));
  if (!mount.valid()) return errno_failure("open_tree", path);
  return mount;
}

Status attach_mount(const Fd& mount, int target) {
  if (::move_mount(mount.get(), "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) return errno_failure("move_mount");
  return done();
}

Status restrict_mount(const Fd& mount, uint64_t attributes, bool recursive) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr) != 0) return errno_failure("mount_setattr");
  return done();
}

}  // namespace tsbuild
