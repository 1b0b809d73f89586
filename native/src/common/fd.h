// Ownership of file descriptors. Raw ints only borrow.
#pragma once
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "failure.h"

namespace tsbuild {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) (void)::close(fd_);  // close(2): never retried, the descriptor is gone even on EINTR
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// Opens `path` below `root` with openat2(2), Linux 5.6. `resolve` is RESOLVE_IN_ROOT (as the container sees it) or RESOLVE_BENEATH;
// magic links (/proc/self/root) are never followed, since they lead out.
inline Result<Fd> open_below(int root, const std::string& path, int flags, uint64_t resolve, mode_t mode = 0) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  for (;;) {
    int fd = static_cast<int>(::syscall(SYS_openat2, root, name, &how, sizeof how));
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR && errno != EAGAIN) return errno_failure("openat2", path);
  }
}

inline Result<Fd> open_in_root(int root, const std::string& path, int flags, mode_t mode = 0) {
  return open_below(root, path, flags, RESOLVE_IN_ROOT, mode);
}

}  // namespace tsbuild
