#include "request.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "spawn.h"

namespace tsbuild {

static Result<std::string> answer(Handler handler, const Frame& frame, Channel& channel) {
  if (handler == nullptr) return run_plain(frame.kind, frame.body, channel);
  Reader body(frame.body);
  return handler(body, channel);
}

[[noreturn]] static void run_child(pid_t parent, Mode mode, Handler handler, const Frame& frame, Fd socket, const Place& place) {
  if (mode == Mode::kPlain) {
    // A pid namespace is not to be had without privileges; the parent may have died before prctl(2).
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
  }
  // Everything of the loop but the standard three and our socket: other requests' channels must not be held open from here.
  int fd = ::dup3(socket.get(), 3, O_CLOEXEC);
  if (fd < 0) fd = socket.get() == 3 ? 3 : -1;
  if (fd < 0 || ::close_range(4, ~0U, 0) != 0) ::_exit(1);
  (void)socket.release();
  Channel channel(Fd(3), frame.id, place);
  Result<std::string> result = answer(handler, frame, channel);
  std::string body = result.ok() ? std::move(result.value()) : encode_failure(result.failure());
  if (body.size() > kMaxBody) body = encode_failure(Failure{EMSGSIZE, "reply", {}});
  Status sent = channel.send(result.ok() ? Kind::kReply : Kind::kFailure, body);
  ::_exit(sent.ok() ? 0 : 1);
}

Result<RequestChild> start_request(Mode mode, Handler handler, const Frame& frame, const Place& place) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno_failure("socketpair");
  Fd ours(pair[0]), theirs(pair[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) != 0) return errno_failure("fcntl");
  pid_t self = ::getpid();
  uint64_t namespaces = mode == Mode::kServe ? uint64_t{CLONE_NEWNS | CLONE_NEWPID} : 0;
  Result<Child> child = clone_process(namespaces);
  if (!child.ok()) return child.failure();
  if (child.value().pid == 0) {
    ours.reset();
    run_child(self, mode, handler, frame, std::move(theirs), place);
  }
  return RequestChild{std::move(child.value().process), std::move(ours)};
}

}  // namespace tsbuild
