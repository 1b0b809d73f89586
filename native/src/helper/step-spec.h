// A step as its request describes it: native/requests/trees.ts, StepRequest.
#pragma once
#include <string>
#include <vector>

#include "common/wire.h"
#include "confine.h"
#include "emulation.h"
#include "step-mounts.h"
#include "tree.h"

namespace tsbuild {

struct StepSpec {
  Tree tree;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string hosts;
  std::string resolv_conf;
  std::vector<StepMount> mounts;
  uint64_t shm_size = 0;
  Emulation emulation;
  Confinement confinement;
  bool input = false;
};

// EPROTO for what is no step, EINVAL for a word that execve(2) could not take.
Result<StepSpec> read_step(Reader& body);

}  // namespace tsbuild
