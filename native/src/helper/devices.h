// /dev of a step: what the OCI runtime specification 1.2 lists under "Default Devices", and no more.
#pragma once
#include "common/fd.h"
#include "id-map.h"

namespace tsbuild {

// A copy of the host's mount of /dev/null, checked to be that device (CVE-2025-31133).
Result<Fd> copy_null();
// Mounts a new /dev onto `target`. Call it with umask 0, before the host's /dev is out of reach.
// `shm_size` is that of /dev/shm in bytes.
Status make_devices(int target, const Extents& groups, uint64_t shm_size);

}  // namespace tsbuild
