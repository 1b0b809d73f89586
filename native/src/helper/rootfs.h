// What a step sees as its file system.
#pragma once
#include <string>
#include <vector>

#include "common/fd.h"
#include "emulation.h"
#include "id-map.h"
#include "step-mounts.h"

namespace tsbuild {

struct View {
  std::string hosts;
  std::string resolv_conf;
  bool own_network = false;
  bool masked = true;  // parts of /proc and /sys are hidden or read-only
  Extents groups;      // that exist in the step's user namespace
  const std::vector<ReadyMount>& mounts;
  uint64_t shm_size = 0;  // bytes of /dev/shm
  const Emulation& emulation;
  bool own_user_namespace;
};

// Makes the current directory, the root of the image's tree, the root of this process, with /proc, /sys, /dev, /etc/hosts and /etc/resolv.conf on top, then the mounts.
// For the first process of a new mount, pid, ipc (and network) namespace, with umask 0. The mount points are there (stubs.h).
// Failures tell the step "mount", and what could not be made.
Status enter_root(const View& view);

}  // namespace tsbuild
