#include <sys/stat.h>

#include "mounts.h"
#include "overlay.h"
#include "probe.h"
#include "reason.h"

namespace tsbuild {

static Status make_folders(const Fd& scratch) {
  for (const char* path : {"lower", "lower/fs", "lower/fs/d", "active", "active/fs", "upper", "work"})
    if (::mkdirat(scratch.get(), path, 0700) != 0) return errno_failure("mkdirat", path);
  return done();
}

// As a step's tree is mounted, and what a step may do to it: a directory that takes the place of another is marked opaque by an xattr, and a removed one
// is a device node. A file system that can keep neither (NFS) lets itself be mounted all the same.
static Status try_tree(const std::string& scratch) {
  Result<Fd> root = mount_overlay(Tree{Stacking::kOverlay, {scratch + "/lower"}, scratch + "/active"});
  if (!root.ok()) return Failure{root.failure().error, root.failure().call, "overlay"};  // its path says nothing: it is gone with the probe
  if (::unlinkat(root.value().get(), "d", AT_REMOVEDIR) != 0) return errno_failure("unlinkat", "in an overlay");
  if (::mkdirat(root.value().get(), "d", 0755) != 0) return errno_failure("mkdirat", "in an overlay");
  return done();
}

static Status try_by_parts(const Fd& scratch) {
  if (::fchdir(scratch.get()) != 0) return errno_failure("fchdir");
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context.valid()) return errno_failure("fsopen", "overlay");
  for (const auto& [key, value] : {std::pair{"lowerdir+", "lower"}, {"upperdir", "upper"}, {"workdir", "work"}})
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) != 0) return errno_failure("fsconfig", key);
  for (const char* flag : {"userxattr", "volatile"})
    if (::fsconfig(context.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) != 0) return errno_failure("fsconfig", flag);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno_failure("fsconfig", "overlay");
  return done();
}

std::vector<Fact> probe_overlay(const std::string& folder) {
  Fd scratch(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Status made = scratch.valid() ? make_folders(scratch) : Status(errno_failure("open", folder));
  Status tree = made.ok() ? try_tree(folder) : made;
  Status by_parts = made.ok() ? try_by_parts(scratch) : made;
  return {{"overlay", tree.ok(), tree.ok() ? "" : text_of(tree.failure())},
          {"overlay lowerdir+ volatile", by_parts.ok(), by_parts.ok() ? "" : text_of(by_parts.failure())}};
}

}  // namespace tsbuild
