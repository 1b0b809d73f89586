// Parts of /proc and /sys that a step may not read or not write: runtime-spec 1.2, "maskedPaths" and "readonlyPaths", with Docker's values.
#pragma once
#include "common/failure.h"

namespace tsbuild {

// `proc` and `sys` are the roots of mounts that are attached in this mount namespace. The host's /dev must still be in reach.
Status mask_proc(int proc);
Status mask_sys(int sys);
// `sys` is a copy of this machine's /sys with all that is mounted below: of that only the cgroups stay to be seen, as in Docker. debugfs, tracefs,
// securityfs, configfs, bpf, pstore and the like become empty.
Status mask_mounts_of_sys(int sys);

}  // namespace tsbuild
