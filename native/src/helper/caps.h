// Capabilities: capabilities(7).
#pragma once
#include <linux/capability.h>

#include "common/failure.h"

namespace tsbuild {

bool has_effective_cap(int cap);

// Docker's default set of 14 is all that can ever be had from here on, by root or by a setuid or setcap file; inheritable and ambient are empty
// (CVE-2022-27651). Call it before the change of ids, which needs capabilities that are still there.
Status limit_caps();
// Permitted and effective become that set. Call it after the change of ids to root; any other id has lost them all already.
Status drop_caps();

}  // namespace tsbuild
