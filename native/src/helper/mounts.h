// Mounts by file descriptor: fsopen(2), open_tree(2), move_mount(2), Linux 5.2; mount_setattr(2), Linux 5.12. No path of an image is ever a string to
// mount(2): a link in it would lead out (CVE-2021-30465).
#pragma once
#include <sys/mount.h>

#include <string>
#include <utility>
#include <vector>

#include "common/fd.h"

namespace tsbuild {

using MountOptions = std::vector<std::pair<const char*, std::string>>;
constexpr unsigned kNoSetidDevExec = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// A new file system, not attached anywhere yet.
Result<Fd> new_mount(const char* type, const MountOptions& options, unsigned attributes);
// A copy of the mount at `path` (or of the part of it below `path`), not attached anywhere yet.
Result<Fd> copy_mount(int folder, const char* path, bool recursive);
Status attach_mount(const Fd& mount, int target);
// Adds attributes; `recursive` to every mount below too, which a bind with "ro" would not do.
Status restrict_mount(const Fd& mount, uint64_t attributes, bool recursive);

}  // namespace tsbuild
