#include "landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"

namespace tsbuild {

// struct landlock_ruleset_attr as of ABI 6; the headers of the build machine may have an older one.
struct Ruleset {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};
constexpr uint64_t kScopeAbstractUnixSocket = 1 << 0;
constexpr int kScopesSince = 6;

int landlock_abi() {
  long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Status close_abstract_sockets() {
  if (landlock_abi() < kScopesSince) return done();
  Ruleset wanted{0, 0, kScopeAbstractUnixSocket};
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0)));
  if (!ruleset.valid()) return errno_failure("landlock_create_ruleset");
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return errno_failure("landlock_restrict_self");
  return done();
}

}  // namespace tsbuild
