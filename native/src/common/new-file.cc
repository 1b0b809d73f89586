#include "common/new-file.h"

#include <unistd.h>

#include <cerrno>

namespace tsbuild {

Result<NewFile> NewFile::create(const std::string& path, mode_t mode) {
  for (;;) {
    int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0) return NewFile(Fd(fd), path);
    if (errno != EINTR) return errno_failure("open", path);
  }
}

NewFile::~NewFile() {
  if (!path_.empty()) (void)::unlink(path_.c_str());  // on the way out of an error already; what stays behind is a stray temporary file
}

Status NewFile::keep() {
  path_.clear();
  // close(2): errors of the file system (quota, network) may show only here
  if (::close(fd_.release()) != 0 && errno != EINTR) return errno_failure("close");
  return done();
}

Status write_all(int fd, const void* data, size_t size, const std::string& path) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    ssize_t n = ::write(fd, next, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("write", path);
    next += n;
    size -= static_cast<size_t>(n);
  }
  return done();
}

Status pwrite_all(int fd, const void* data, size_t size, uint64_t offset, const std::string& path) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    ssize_t n = ::pwrite(fd, next, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("pwrite", path);
    next += n;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<size_t>(n);
  }
  return done();
}

Result<size_t> read_full(int fd, void* data, size_t size, const std::string& path) {
  size_t have = 0;
  while (have < size) {
    ssize_t n = ::read(fd, static_cast<char*>(data) + have, size - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("read", path);
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  return have;
}

Result<size_t> pread_full(int fd, void* data, size_t size, uint64_t offset, const std::string& path) {
  size_t have = 0;
  while (have < size) {
    ssize_t n = ::pread(fd, static_cast<char*>(data) + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure("pread", path);
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  return have;
}

}  // namespace tsbuild
