// The working directory of a step.
#pragma once
#include <sys/types.h>

#include <string>

#include "common/fd.h"

namespace tsbuild {

// Makes the directory `path` as the container sees it in the tree at `root`, with those above it, where it is missing: mode 0755, owned by the step's
// user, as BuildKit does. Links are followed inside the root, and what a dangling one names is made. It stays, so it is in the step's layer.
// Below /proc, /sys and /dev, which are ours, nothing is made. Failures have the call "working directory": ENOTDIR for a file on the way, ELOOP.
Status make_workdir(const Fd& root, const std::string& path, uid_t uid, gid_t gid);

}  // namespace tsbuild
