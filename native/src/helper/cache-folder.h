// The folder behind RUN --mount=type=cache: it outlives the step, and its content belongs to ids of the build.
#pragma once
#include "step-mounts.h"

namespace tsbuild {

// O_PATH of `mount.path`/fs, with the folders of `mount.source` in it. A new one gets mode and owner of the mount and, when it is seeded, a copy of the
// tree. It is made below `active` and moved to its place when it is whole, so one that is there is whole; who comes second uses the first one's.
Result<Fd> open_cache(const StepMount& mount, const std::string& active);

}  // namespace tsbuild
