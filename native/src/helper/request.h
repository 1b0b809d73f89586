// One request in a child process of its own.
#pragma once
#include <sys/types.h>

#include "common/fd.h"
#include "common/frame.h"
#include "handlers.h"

namespace tsbuild {

struct RequestChild {
  Fd process;  // pidfd: readable once it has ended
  Fd socket;   // our end of its channel, non-blocking
};

// Starts the child. In serve mode it is pid 1 of a pid namespace and has a mount namespace: SIGKILL to it ends everything below, by kernel rule, and
// takes its mounts away. In plain mode it is an ordinary child that dies with us.
Result<RequestChild> start_request(Mode mode, Handler handler, const Frame& frame, const Place& place);

}  // namespace tsbuild
