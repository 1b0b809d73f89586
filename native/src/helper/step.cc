#include "step.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "command.h"
#include "rootfs.h"

namespace tsbuild {

struct Pipe {
  Fd read;
  Fd write;
};

static Status make_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno_failure("pipe2");
  pipe.read.reset(ends[0]);
  pipe.write.reset(ends[1]);
  return done();
}

// The step's ends are the command's; `go` tells it that its ids are mapped, `setup` carries the Failure back and is closed by a successful exec.
struct Pipes {
  Pipe in, out, err, go, setup;
};

static Status make_pipes(Pipes& pipes, bool input) {
  Status status = done();
  for (Pipe* pipe : {&pipes.out, &pipes.err, &pipes.go, &pipes.setup})
    if (status.ok()) status = make_pipe(*pipe);
  if (status.ok() && input) status = make_pipe(pipes.in);
  if (!status.ok()) return status;
  if (input) return ::fcntl(pipes.in.write.get(), F_SETFL, O_NONBLOCK) == 0 ? done() : Status(errno_failure("fcntl"));
  pipes.in.read.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return pipes.in.read.valid() ? done() : Status(errno_failure("open", "/dev/null"));
}

static Status wait_for_go(const Fd& go) {
  char byte;
  ssize_t n;
  do n = ::read(go.get(), &byte, 1);
  while (n < 0 && errno == EINTR);
  return n == 1 ? done() : Status(Failure{ESRCH, "helper", {}});
}

static Status take_standard_files(const Pipes& pipes) {
  int fds[] = {pipes.in.read.get(), pipes.out.write.get(), pipes.err.write.get()};
  for (int i = 0; i < 3; i++)
    if (::dup2(fds[i], i) < 0) return errno_failure("dup2");
  // Everything else is shut by the exec; until then `setup` is needed.
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) return errno_failure("close_range");
  return done();
}

static Failure become_step(const StepSpec& spec, const View& view, Pipes& pipes) {
  pipes.go.write.reset();  // else our own copy would keep us waiting for a helper that is dead
  Status status = wait_for_go(pipes.go.read);
  (void)::umask(0);
  if (status.ok()) status = enter_root(view);
  if (status.ok()) status = take_standard_files(pipes);
  if (status.ok()) status = confine(spec.confinement);
  // SIGPIPE was ignored by the helper, and that would be handed down.
  if (status.ok() && ::signal(SIGPIPE, SIG_DFL) == SIG_ERR) status = errno_failure("signal");
  return status.ok() ? run_command(spec.argv, spec.env) : status.failure();
}

// The ids of the step are those of the helper. Its maps are written from here: more than one extent needs capabilities in the parent namespace.
static Status map_ids(const Child& child, const IdMap& map) {
  Result<pid_t> pid = pid_in_proc(child.process);
  if (!pid.ok()) return pid.failure();
  return write_map(pid.value(), IdMap{Place::Ids::kOwn, identity_of(map.users), identity_of(map.groups)});
}

// What went wrong before the command ran, if anything.
static Status await_exec(const Fd& setup) {
  std::string text;
  char buffer[4096];
  for (;;) {
    ssize_t n = ::read(setup.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("read", "setup");
    if (n == 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text.empty() ? done() : Status(decode_failure(text));
}

static uint64_t namespaces_of(const StepSpec& spec, const Place& place) {
  uint64_t flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (place.user_namespace()) flags |= CLONE_NEWUSER;
  if (spec.confinement.own_network) flags |= CLONE_NEWNET;
  return flags;
}

static Status let_step_go(const Child& child, const Place& place, const IdMap& map, Pipes& pipes) {
  Status status = place.user_namespace() ? map_ids(child, map) : done();
  if (status.ok()) status = write_all(pipes.go.write.get(), "g");
  // Our copies of its ends: only then is the end of its output the end.
  for (Fd* fd : {&pipes.in.read, &pipes.out.write, &pipes.err.write, &pipes.setup.write, &pipes.go.write}) fd->reset();
  return status.ok() ? await_exec(pipes.setup.read) : status;
}

Result<RunningStep> start_step(const StepSpec& spec, const Fd& root, const std::vector<ReadyMount>& mounts, const Place& place) {
  Result<IdMap> map = current_map();
  if (!map.ok()) return map.failure();
  Pipes pipes;
  Status made = make_pipes(pipes, spec.input);
  if (!made.ok()) return made.failure();
  // The new process gets our working directory in its own copy of the mounts; a descriptor would still point to ours.
  if (::fchdir(root.get()) != 0) return errno_failure("fchdir", spec.tree.active);
  // The maps of an undumpable process cannot be written: proc(5).
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) return errno_failure("prctl");
  Result<Child> child = clone_process(namespaces_of(spec, place));
  if (!child.ok()) return child.failure();
  if (child.value().pid == 0) {
    const Confinement& wanted = spec.confinement;
    View view{spec.hosts, spec.resolv_conf, wanted.own_network, !wanted.insecure, map.value().groups, mounts, spec.shm_size, spec.emulation, place.user_namespace()};
    Failure failure = become_step(spec, view, pipes);
    (void)write_all(pipes.setup.write.get(), encode_failure(failure));  // when nobody reads it, nobody is there
    ::_exit(127);
  }
  Status started = let_step_go(child.value(), place, map.value(), pipes);
  (void)::prctl(PR_SET_DUMPABLE, 0);  // as before; it cannot fail for 0
  if (started.ok()) return RunningStep{std::move(child.value()), StepPipes{std::move(pipes.in.write), std::move(pipes.out.read), std::move(pipes.err.read)}};
  kill_process(child.value().process);
  (void)wait_for(child.value().process);  // the reason is known
  return started.failure();
}

}  // namespace tsbuild
