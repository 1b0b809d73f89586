// Directories as a step would make them with mkdir -p.
#pragma once
#include <sys/types.h>

#include <string>

#include "common/fd.h"

namespace tsbuild {

// O_PATH of the directory `path` as the container sees it in the tree at `root`, made with those above it where it is missing: mode 0755, of this owner.
// Links are followed inside the root, and what a dangling one names is made. Fails with ENOTDIR for a file on the way, with ELOOP.
Result<Fd> make_folders(int root, const std::string& path, uid_t uid, gid_t gid);

// The working directory of a step, owned by its user where it is made, as BuildKit does. It stays, so it is in the step's layer. Below /proc, /sys and
// /dev, which are ours, nothing is made. Failures have the call "working directory".
Status make_workdir(const Fd& root, const std::string& path, uid_t uid, gid_t gid);

}  // namespace tsbuild
