// Landlock, for the one thing that a step in the host's network namespace must not reach: landlock(7).
#pragma once
#include "common/failure.h"

namespace tsbuild {

// 0 where the kernel has none, or it is switched off.
int landlock_abi();
// Abstract unix sockets of processes outside can no longer be connected to; the step's own work. Needs ABI 6 (Linux 6.12); does nothing before.
Status close_abstract_sockets();

}  // namespace tsbuild
