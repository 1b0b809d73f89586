#include "userns.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "id-map.h"
#include "reason.h"
#include "spawn.h"

namespace tsbuild {

std::vector<Place::Ids> parse_ids(const std::string& word) {
  using Ids = Place::Ids;
  if (word == "own") return {Ids::kOwn};
  if (word == "ranges") return {Ids::kRanges};
  if (word == "single") return {Ids::kSingle};
  if (word == "host") return {Ids::kHost};
  if (word != "auto") return {};
  // Root that may not make user namespaces still has mount and pid namespaces; probe says so.
  if (::geteuid() == 0) return {Ids::kOwn, Ids::kRanges, Ids::kSingle, Ids::kHost};
  return {Ids::kRanges, Ids::kSingle};
}

const char* name_of(Place::Ids ids) {
  static constexpr const char* kNames[] = {"none", "own", "ranges", "single", "host"};
  return kNames[static_cast<size_t>(ids)];
}

// In the child: becomes root of its namespaces. The order matters: a change of ids clears the parent-death signal and makes us undumpable, so both
// are set last; and the launcher could not have written the map of an undumpable process (proc(5), /proc/pid owned by root).
static Status enter(const Place& place, const Fd& launcher) {
  char go;
  ssize_t n;
  do n = ::read(launcher.get(), &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) return Failure{ESRCH, "launcher", {}};
  if (place.user_namespace()) {
    if (::setresgid(0, 0, 0) != 0) return errno_failure("setresgid");
    if (::setresuid(0, 0, 0) != 0) return errno_failure("setresuid");
    if (place.ids != Place::Ids::kSingle && ::setgroups(0, nullptr) != 0) return errno_failure("setgroups");
  }
  // Killed by the kernel when the launcher dies. It may be dead already: then the loop sees the end of `launcher`.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno_failure("prctl");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return errno_failure("prctl");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno_failure("mount", "/");
  if (::chdir("/") != 0) return errno_failure("chdir", "/");
  (void)::umask(0022);
  return done();
}

// The child's side. What went wrong on the way in is sent to the launcher, which may try another kind of ids.
[[noreturn]] static void run_helper(const Place& place, Fd launcher, const std::function<Status(const Place&, Fd)>& serve) {
  Status entered = enter(place, launcher);
  std::string word = entered.ok() ? "" : encode_failure(entered.failure());
  if (!write_all(launcher.get(), encode_frame(0, entered.ok() ? Kind::kReply : Kind::kFailure, word)).ok() || !entered.ok()) ::_exit(1);
  ::_exit(serve(place, std::move(launcher)).ok() ? 0 : 1);
}

struct Started {
  Fd process;
  Fd line;  // our end of the helper's `launcher`
};

static Status await_entry(const Fd& line) {
  FrameReader reader;
  for (;;) {
    Frame frame;
    if (reader.next(frame)) return frame.kind == Kind::kReply ? done() : Status(decode_failure(frame.body));
    Result<bool> more = reader.fill(line.get());
    if (!more.ok()) return more.failure();
    if (!more.value()) return Failure{ECHILD, "helper ended at its start", {}};
  }
}

static Status let_in(const Child& child, const Fd& line, const IdMap& map) {
  if (map.ids != Place::Ids::kHost) {
    Status mapped = write_map(child.pid, map);
    if (!mapped.ok()) return mapped;
  }
  Status go = write_all(line.get(), "g");
  return go.ok() ? await_entry(line) : go;
}

static Result<Started> start_helper(const Place& place, const std::function<Status(const Place&, Fd)>& serve) {
  bool has_map = place.ids != Place::Ids::kHost;
  Result<IdMap> map = has_map ? plan_map(place.ids) : Result<IdMap>(IdMap{place.ids, {}, {}});
  if (!map.ok()) return map.failure();
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno_failure("socketpair");
  Fd ours(pair[0]), theirs(pair[1]);
  uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID;
  if (has_map) namespaces |= CLONE_NEWUSER;
  Result<Child> child = clone_process(namespaces);
  if (!child.ok()) return child.failure();
  if (child.value().pid == 0) {
    ours.reset();
    run_helper(place, std::move(theirs), serve);
  }
  theirs.reset();
  Status in = let_in(child.value(), ours, map.value());
  if (in.ok()) return Started{std::move(child.value().process), std::move(ours)};
  kill_process(child.value().process);
  (void)wait_for(child.value().process);  // the reason is known
  return in.failure();
}

Status launch(const std::vector<Place::Ids>& kinds, const std::function<Status(const Place& place, Fd launcher)>& serve) {
  std::optional<Failure> last;
  std::string passed_over;
  for (Place::Ids ids : kinds) {
    Result<Started> started = start_helper(Place{ids, passed_over}, serve);
    if (!started.ok()) {
      // Why there is no user namespace is worth more than why root cannot do without one.
      if (ids != Place::Ids::kHost || !last) last = started.failure();
      passed_over += (passed_over.empty() ? "" : "; ") + std::string(name_of(ids)) + ": " + text_of(started.failure());
      continue;
    }
    // Our copy of Node's socket would keep it open after the helper's end.
    (void)::close_range(3, 3, 0);
    (void)wait_for(started.value().process);
    return done();
  }
  return *last;
}

}  // namespace tsbuild
