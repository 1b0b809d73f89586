#include "spawn.h"

#include <linux/sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>

#include "common/text-file.h"

namespace tsbuild {

Result<Child> clone_process(uint64_t namespaces) {
  int pidfd = -1;
  clone_args args{};
  args.flags = namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  pid_t pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
  if (pid < 0) return errno_failure("clone3");
  Child child;
  child.pid = pid;
  if (pid > 0) child.process.reset(pidfd);
  return child;
}

Result<Child> spawn_program(const std::string& path, const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t pid = -1;
  int error = ::posix_spawn(&pid, path.c_str(), nullptr, nullptr, words.data(), environment);
  if (error != 0) return Failure{error, "posix_spawn", path};
  Child child;
  child.pid = pid;
  child.process.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // it cannot be reaped before wait_for: the pid is still its own
  if (!child.process.valid()) return errno_failure("pidfd_open", path);
  return child;
}

Result<Ended> wait_for(const Fd& process) {
  siginfo_t info{};
  int rc;
  do rc = ::waitid(P_PIDFD, static_cast<id_t>(process.get()), &info, WEXITED);
  while (rc != 0 && errno == EINTR);
  if (rc != 0) return errno_failure("waitid");
  Ended ended;
  if (info.si_code == CLD_EXITED) ended.exit = info.si_status;
  else ended.signal = info.si_status;
  return ended;
}

void kill_process(const Fd& process) {
  (void)::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);  // ESRCH: ended already
}

Result<pid_t> pid_in_proc(const Fd& process) {
  std::string path = "/proc/self/fdinfo/" + std::to_string(process.get());
  Result<std::string> text = read_text_file(path);
  if (!text.ok()) return text.failure();
  size_t at = text.value().find("\nPid:");
  if (at == std::string::npos) return Failure{ENOENT, "fdinfo", path};
  pid_t pid = static_cast<pid_t>(std::strtol(text.value().c_str() + at + 5, nullptr, 10));
  if (pid <= 0) return Failure{ESRCH, "fdinfo", path};
  return pid;
}

}  // namespace tsbuild
