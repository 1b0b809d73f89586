// A file under construction: made O_EXCL, removed again unless kept.
#pragma once
#include <cstddef>
#include <string>
#include <utility>

#include "common/failure.h"
#include "common/fd.h"

namespace tsbuild {

class NewFile {
 public:
  static Result<NewFile> create(const std::string& path, mode_t mode = 0644);
  NewFile(NewFile&& other) noexcept : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();
  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  Status keep();  // closes it; the file stays

 private:
  NewFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

// All of the bytes, or a Failure with `path`.
Status write_all(int fd, const void* data, size_t size, const std::string& path);
Status pwrite_all(int fd, const void* data, size_t size, uint64_t offset, const std::string& path);
// Up to `size` bytes; fewer only at the end of the file.
Result<size_t> read_full(int fd, void* data, size_t size, const std::string& path);
Result<size_t> pread_full(int fd, void* data, size_t size, uint64_t offset, const std::string& path);

}  // namespace tsbuild
