// Parts of /proc and /sys that a step may not read or not write: runtime-spec 1.2, "maskedPaths" and "readonlyPaths", with Docker's values.
#pragma once
#include "common/failure.h"

namespace tsbuild {

// `proc` and `sys` are the roots of mounts that are attached in this mount namespace. The host's /dev must still be in reach.
Status mask_proc(int proc);
Status mask_sys(int sys);

}  // namespace tsbuild
