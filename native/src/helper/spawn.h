// Processes: made with a pidfd, so that a signal can never reach another process that got the same number.
#pragma once
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "common/fd.h"

namespace tsbuild {

struct Child {
  pid_t pid = -1;  // 0 in the child
  Fd process;
};

// clone3(2), Linux 5.3, as fork(2) does, with `namespaces` (CLONE_NEW*) and a pidfd. Call it in a process of one thread.
Result<Child> clone_process(uint64_t namespaces);

// Starts a program; its standard error is ours.
Result<Child> spawn_program(const std::string& path, const std::vector<std::string>& argv);

struct Ended {
  int exit = 0;
  int signal = 0;  // 0: it exited by itself
};
// Waits for the end and takes the zombie away.
Result<Ended> wait_for(const Fd& process);
// SIGKILL. It is no error when it has ended already.
void kill_process(const Fd& process);

// The pid of `process` in the pid namespace that /proc shows here, which need not be ours: proc(5), fdinfo of a pidfd.
Result<pid_t> pid_in_proc(const Fd& process);

}  // namespace tsbuild
