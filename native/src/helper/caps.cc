#include "caps.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tsbuild {

constexpr uint64_t bit(int cap) { return uint64_t{1} << cap; }
constexpr uint64_t kDefaultCaps = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FSETID) | bit(CAP_FOWNER) | bit(CAP_MKNOD) | bit(CAP_NET_RAW) |
                                  bit(CAP_SETGID) | bit(CAP_SETUID) | bit(CAP_SETFCAP) | bit(CAP_SETPCAP) | bit(CAP_NET_BIND_SERVICE) |
                                  bit(CAP_SYS_CHROOT) | bit(CAP_KILL) | bit(CAP_AUDIT_WRITE);

static Status read_caps(__user_cap_data_struct data[2]) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  if (::syscall(SYS_capget, &header, data) != 0) return errno_failure("capget");
  return done();
}

static Status write_caps(uint64_t effective, uint64_t permitted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};  // inheritable stays 0
  for (int i = 0; i < 2; i++) {
    data[i].effective = static_cast<uint32_t>(effective >> (32 * i));
    data[i].permitted = static_cast<uint32_t>(permitted >> (32 * i));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return errno_failure("capset");
  return done();
}

bool has_effective_cap(int cap) {
  __user_cap_data_struct data[2]{};
  return read_caps(data).ok() && (data[cap / 32].effective & (1u << (cap % 32))) != 0;
}

Status limit_caps() {
  for (int cap = 0; ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {  // EINVAL past the kernel's last one
    if ((kDefaultCaps & (cap < 64 ? bit(cap) : 0)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0) return errno_failure("prctl", "capability " + std::to_string(cap));
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno_failure("prctl", "ambient");
  return done();
}

Status drop_caps() {
  __user_cap_data_struct data[2]{};
  Status have = read_caps(data);
  if (!have.ok()) return have;
  uint64_t permitted = kDefaultCaps & (data[0].permitted | uint64_t{data[1].permitted} << 32);
  return write_caps(permitted, permitted);
}

}  // namespace tsbuild
