// The last steps before the command: who it is, what it may ask of the kernel, where it starts.
#pragma once
#include <string>
#include <vector>

#include "common/fd.h"
#include "id-map.h"

namespace tsbuild {

// setrlimit(2); ~0 is no limit.
struct Limit {
  uint32_t resource = 0;
  uint64_t soft = 0;
  uint64_t hard = 0;
};

struct Confinement {
  std::string hostname;
  std::string cwd;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  std::vector<Limit> limits;
  bool own_network = false;
  bool no_new_privileges = false;
  bool insecure = false;  // all capabilities of its user namespace, and no filter of system calls
  bool may_set_groups = true;  // false where only one id is mapped
};

// EINVAL "user id is not mapped" or "group id is not mapped" for ids that a step cannot have here. Groups that could not be set anyway are not looked at.
Status check_ids(const Confinement& wanted, const IdMap& map);

// For a process that is in its root already. Afterwards it has the step's ids, capabilities, filter and working directory, and no way back.
Status confine(const Confinement& wanted);

}  // namespace tsbuild
