// One RUN command.
//
// What it gets: the merged tree as its root; its own user, pid, mount, ipc, uts and cgroup namespaces, and a network namespace when it is to have no
// network; a new /proc, a read-only /sys, a small /dev; for another architecture an emulator (emulation.h); Docker's 14 capabilities in its own user
// namespace; Docker's system call rules.
// What it does not get: a file descriptor of ours but its three standard pipes; a terminal; a path to the host's files; a sight of the host's processes
// or of other steps; the caller's keys; with Landlock, the host's abstract sockets. In the host's network it does reach 127.0.0.1: that is what
// network=host says.
//
// Its user namespace is nested in the helper's with the same ids, so that it holds no capability over what is the helper's: capabilities of a step never
// reach a namespace that it does not own itself.
#pragma once
#include "relay.h"
#include "step-spec.h"

namespace tsbuild {

struct RunningStep {
  Child child;
  StepPipes pipes;
};

// Starts the command over the tree at `root`, whose mount points are there. Comes back when the command runs; a Failure is from before that, with call
// "exec" when everything was ready but the command could not be started. Nothing of the step is left then.
Result<RunningStep> start_step(const StepSpec& spec, const Fd& root, const std::vector<ReadyMount>& mounts, const Place& place);

}  // namespace tsbuild
