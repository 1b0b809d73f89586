// Between a running command and Node: output under credit, input with its acknowledgement.
#pragma once
#include "channel.h"
#include "spawn.h"

namespace tsbuild {

// Our ends of the command's standard files; `in` may be invalid. Reads that wait for nothing are never made: a command that writes more than Node takes
// is stopped by its own full pipe.
struct StepPipes {
  Fd in;
  Fd out;
  Fd err;
};

// Until the command has ended and everything it wrote is sent on.
Result<Ended> relay(Channel& channel, const Fd& process, StepPipes pipes);

}  // namespace tsbuild
