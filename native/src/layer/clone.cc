// The `clone` request: a regular file -> a new one, sharing its blocks where the file system can.
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/new-file.h"
#include "layer/ops.h"
#include "layer/request-parts.h"

namespace tsbuild {
namespace {

constexpr size_t kStep = 64 << 20;

Status copy_by_hand(int from, int to, const std::string& path, const Cancel& cancel) {
  std::string buffer(1 << 20, '\0');
  for (;;) {
    if (Status status = check_cancel(cancel); !status.ok()) return status;
    auto size = read_full(from, buffer.data(), buffer.size(), path);
    if (!size.ok()) return size.failure();
    if (size.value() == 0) return done();
    if (Status status = write_all(to, buffer.data(), size.value(), path); !status.ok()) return status;
  }
}

Status copy_content(int from, int to, const std::string& path, const Cancel& cancel) {
  if (::ioctl(to, FICLONE, from) == 0) return done();
  for (;;) {
    if (Status status = check_cancel(cancel); !status.ok()) return status;
    const ssize_t size = ::copy_file_range(from, nullptr, to, nullptr, kStep, 0);
    if (size == 0) return done();
    if (size > 0 || errno == EINTR) continue;
    // copy_file_range(2): EXDEV across file systems before Linux 5.19, EINVAL and EOPNOTSUPP where one of them cannot. Both files
    // stand where the last success left them, so the rest is copied from there.
    if (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) return copy_by_hand(from, to, path, cancel);
    return errno_failure("copy_file_range", path);
  }
}

}  // namespace

Result<std::string> handle_clone(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  const std::string from = r.bytes(), to = r.bytes();
  if (!r.finished()) return Failure{EPROTO, "clone request", {}};
  Fd source(::open(from.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!source.valid()) return errno_failure("open", from);
  struct stat st{};
  if (::fstat(source.get(), &st) != 0) return errno_failure("fstat", from);
  if (!S_ISREG(st.st_mode)) return Failure{0, "not a regular file", from};
  auto target = NewFile::create(to);
  if (!target.ok()) return target.failure();
  if (Status status = copy_content(source.get(), target.value().fd(), to, cancel); !status.ok()) return status.failure();
  if (Status status = target.value().keep(); !status.ok()) return status.failure();
  return std::string();
}

}  // namespace tsbuild
