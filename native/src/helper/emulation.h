// Programs of another architecture in a step: the kernel starts an emulator for them (binfmt_misc, Documentation/admin-guide/binfmt-misc.rst).
//
// The registration is in an instance of binfmt_misc of the step's own user namespace (Linux 6.7), so nothing changes for the machine or for other steps.
// The step cannot change it: it is mounted where the step's /dev comes to lie, and so in nobody's reach, and read-only. It ends with the step's mounts.
// What is registered are constants of ours; of the emulator the kernel holds an open file (flag F), which the step reaches through /proc/PID/exe. It is
// opened through a read-only mount, or root of the machine's ids could overwrite it there (CVE-2019-5736).
#pragma once
#include <string>

#include "common/fd.h"
#include "common/wire.h"

namespace tsbuild {

struct Emulation {
  std::string architecture;   // as in Go's GOARCH; empty: none
  std::string emulator;       // absolute path of a static program on this machine, no link; empty: what the machine has registered itself
  bool may_use_host = false;  // where there can be no instance of our own, the machine's registration will do
};

Emulation read_emulation(Reader& body);

// For the first process of a step, while the machine's files are still in reach. `covered` is where something else is mounted later.
// A Failure has the call "emulation" and as its path what was tried.
Status add_emulation(int covered, const Emulation& wanted, bool own_user_namespace);

// Whether this user namespace can have an instance of its own.
Status try_emulation();

}  // namespace tsbuild
