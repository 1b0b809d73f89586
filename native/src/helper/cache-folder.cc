#include "cache-folder.h"

#include <sys/stat.h>

#include <cstdio>

#include "copy.h"
#include "folders.h"

namespace tsbuild {

static Status fill(const StepMount& mount, const std::string& folder) {
  Result<Fd> root = open_folder(folder, "fs");
  if (!root.ok()) return root.failure();
  if (mount.seeded) {
    Result<MountedTree> seed = mount_tree(mount.tree);
    if (!seed.ok()) return seed.failure();
    Status copied = copy_tree(seed.value().root.get(), root.value().get());
    if (!copied.ok()) return copied;
  }
  if (::fchownat(root.value().get(), "", mount.uid, mount.gid, AT_EMPTY_PATH) != 0) return errno_failure("fchownat", mount.path);
  std::string path = folder + "/fs";
  return ::chmod(path.c_str(), mount.mode) == 0 ? done() : Status(errno_failure("chmod", mount.path));
}

static Status make_cache(const StepMount& mount, const std::string& active) {
  std::string folder = active + "/cache";
  std::string fs = folder + "/fs";
  if (::mkdir(folder.c_str(), 0700) != 0) return errno_failure("mkdir", folder);
  if (::mkdir(fs.c_str(), 0700) != 0) return errno_failure("mkdir", fs);
  Status filled = fill(mount, folder);
  if (!filled.ok()) return filled;
  if (::rename(folder.c_str(), mount.path.c_str()) == 0) return done();
  if (errno != ENOTEMPTY && errno != EEXIST) return errno_failure("rename", mount.path);
  // Another step was first. Ours goes with the step; the next cache of this step needs the name.
  std::string aside = active + "/cache-of-" + mount.path.substr(mount.path.rfind('/') + 1);
  return ::rename(folder.c_str(), aside.c_str()) == 0 ? done() : Status(errno_failure("rename", aside));
}

Result<Fd> open_cache(const StepMount& mount, const std::string& active) {
  Result<Fd> root = open_folder(mount.path, "fs");
  if (!root.ok() && root.failure().error == ENOENT) {
    Status made = make_cache(mount, active);
    if (!made.ok()) return made.failure();
    root = open_folder(mount.path, "fs");
  }
  if (!root.ok() || mount.source.empty()) return root;
  Result<Fd> part = make_folders(root.value().get(), mount.source, mount.uid, mount.gid);
  if (!part.ok()) return Failure{part.failure().error, "mount source", mount.source};
  return root;
}

}  // namespace tsbuild
