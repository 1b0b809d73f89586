#include "confine.h"

#include <grp.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <iterator>

#include "caps.h"
#include "landlock.h"
#include "seccomp-filter.h"

namespace tsbuild {

static Status raise_loopback() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno_failure("socket");
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return errno_failure("ioctl", "lo");
  return done();
}

// A session keyring that is not the caller's. One name for all steps, since keys are counted for each user (200); where there are no keyrings or none
// are left, nothing is lost: the filter refuses keyctl(2), add_key(2) and request_key(2) anyway.
static void leave_keyring() { (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "tsbuild"); }

// As the container sees it, and really inside: /proc/self/fd/N as a working directory would be somewhere on the host (CVE-2024-21626).
static Status change_directory(const std::string& path) {
  if (!path.starts_with('/')) return Failure{EINVAL, "working directory", path};
  Result<Fd> folder = open_in_root(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!folder.ok()) return Failure{folder.failure().error, "working directory", path};
  if (::fchdir(folder.value().get()) != 0) return errno_failure("working directory", path);
  char name[4096];
  long size = ::syscall(SYS_getcwd, name, sizeof name);  // "(unreachable)" when it is not below our root
  if (size <= 0 || name[0] != '/') return Failure{EXDEV, "working directory", path};
  return done();
}

// Needs CAP_SYS_ADMIN, or no_new_privs; without the latter setuid programs work in the step.
static Status load_filter(bool no_new_privileges) {
  if (no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno_failure("prctl", "no_new_privs");
  sock_fprog program{std::size(kStepFilter), const_cast<sock_filter*>(kStepFilter)};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return errno_failure("seccomp");
  return done();
}

Status check_ids(const Confinement& wanted, const IdMap& map) {
  if (!contains(map.users, wanted.uid)) return Failure{EINVAL, "user id is not mapped", std::to_string(wanted.uid)};
  std::vector<uint32_t> groups{wanted.gid};
  if (wanted.may_set_groups) groups.insert(groups.end(), wanted.groups.begin(), wanted.groups.end());
  for (uint32_t group : groups)
    if (!contains(map.groups, group)) return Failure{EINVAL, "group id is not mapped", std::to_string(group)};
  return done();
}

static Status become(const Confinement& wanted) {
  std::vector<gid_t> groups(wanted.groups.begin(), wanted.groups.end());
  if (wanted.may_set_groups && ::setgroups(groups.size(), groups.data()) != 0) return errno_failure("setgroups");
  if (::setresgid(wanted.gid, wanted.gid, wanted.gid) != 0) return errno_failure("setresgid", std::to_string(wanted.gid));
  if (::setresuid(wanted.uid, wanted.uid, wanted.uid) != 0) return errno_failure("setresuid", std::to_string(wanted.uid));
  return done();
}

// Raising a hard limit needs CAP_SYS_RESOURCE in the first user namespace: EPERM for everybody else.
static Status set_limits(const std::vector<Limit>& limits) {
  for (const Limit& limit : limits) {
    rlimit value{limit.soft, limit.hard};
    if (::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &value) != 0) return errno_failure("setrlimit", std::to_string(limit.resource));
  }
  return done();
}

// The order: what needs CAP_SYS_ADMIN (host name, Landlock and the filter, both without no_new_privs) comes before the bounding set is cut, that before
// the change of ids, which takes the capabilities of everybody but root.
Status confine(const Confinement& wanted) {
  if (::setsid() < 0) return errno_failure("setsid");
  if (::sethostname(wanted.hostname.data(), wanted.hostname.size()) != 0) return errno_failure("sethostname", wanted.hostname);
  leave_keyring();
  Status status = wanted.own_network ? raise_loopback() : close_abstract_sockets();
  (void)::umask(0022);
  if (status.ok()) status = change_directory(wanted.cwd);
  if (status.ok()) status = set_limits(wanted.limits);
  if (status.ok() && !wanted.insecure) status = load_filter(wanted.no_new_privileges);
  if (status.ok() && !wanted.insecure) status = limit_caps();
  if (status.ok()) status = become(wanted);
  return status.ok() && wanted.uid == 0 && !wanted.insecure ? drop_caps() : status;
}

}  // namespace tsbuild
