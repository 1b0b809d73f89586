#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/new-file.h"
#include "layer/applier.h"

namespace tsbuild {
namespace {

constexpr size_t kHole = 4096;  // runs of zeros this long and aligned become holes

bool is_zero(std::string_view block) { return block[0] == 0 && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0; }

// Writes `piece` at `at`, leaving out whole blocks of zeros.
Status write_sparse(int fd, uint64_t at, std::string_view piece, const std::string& path) {
  size_t begin = 0;  // of the run of bytes to be written
  for (size_t next = 0; next < piece.size();) {
    const size_t size = std::min<size_t>(piece.size() - next, kHole - (at + next) % kHole);
    const bool hole = size == kHole && is_zero(piece.substr(next, size));
    if (hole && begin < next) {
      if (Status status = pwrite_all(fd, piece.data() + begin, next - begin, at + begin, path); !status.ok()) return status;
    }
    next += size;
    if (hole) begin = next;
  }
  return begin < piece.size() ? pwrite_all(fd, piece.data() + begin, piece.size() - begin, at + begin, path) : done();
}

bool refused(int error) { return error == EPERM || error == EACCES || error == EINVAL || error == ENOTSUP; }

}  // namespace

template <typename Call>
Status Applier::make_room(const Parent& parent, const std::string& name, const std::string& real, const char* what, Call call) {
  if (call() >= 0) return done();
  if (errno == EEXIST) {
    if (Status status = remove(parent, name, real); !status.ok()) return status;
    if (call() >= 0) return done();
  }
  return errno_failure(what, tar_.entry().path);
}

// `content` null: an empty placeholder.
Status Applier::make_file(const Parent& parent, const std::string& name, const std::string& real, Digest* content) {
  Fd fd;
  Status made = make_room(parent, name, real, "openat", [&] {
    fd.reset(::openat(parent.fd.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    return fd.get();
  });
  if (!made.ok()) return made;
  if (content == nullptr) return done();
  if (options_.owners != nullptr) options_.owners->erase(real);
  if (Status status = write_content(fd.get(), *content); !status.ok()) return status;
  return set_fd_meta(fd.get(), tar_.entry(), real, true);
}

Status Applier::write_content(int fd, Digest& content) {
  const Entry& entry = tar_.entry();
  Sha256 hash;
  uint64_t at = 0;
  for (;;) {
    if (Status status = check_cancel(cancel_); !status.ok()) return status;
    auto piece = tar_.content();
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) break;
    hash.update(piece.value());
    if (Status status = write_sparse(fd, at, piece.value(), entry.path); !status.ok()) return status;
    at += piece.value().size();
  }
  content = hash.finish();
  // A hole at the end has no byte that would make the file as long as it is.
  if (at >= kHole && ::ftruncate(fd, static_cast<off_t>(at)) != 0) return errno_failure("ftruncate", entry.path);
  return done();
}

Status Applier::make_directory(const Parent& parent, const std::string& name, const std::string& real) {
  const Entry& entry = tar_.entry();
  bool fresh = false;
  Status made = make_room(parent, name, real, "mkdirat", [&] {
    fresh = ::mkdirat(parent.fd.get(), name.c_str(), 0700) == 0;
    if (fresh) return 0;
    struct stat st{};
    if (errno != EEXIST || ::fstatat(parent.fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    errno = EEXIST;
    return S_ISDIR(st.st_mode) ? 0 : -1;  // a symlink to a directory is replaced, as any other file
  });
  if (!made.ok()) return made;
  Fd fd(::openat(parent.fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno_failure("openat", entry.path);
  if (fresh && options_.whiteouts) clean_.insert(real);
  if (!fresh) {
    if (options_.owners != nullptr) options_.owners->erase(real);
    if (Status status = drop_old_xattrs(fd.get()); !status.ok()) return status;
    // Without privileges the owner must be able to write into it until its mode is set at the end.
    if (!options_.chown && ::fchmod(fd.get(), 0700) != 0) return errno_failure("fchmod", entry.path);
  }
  return set_fd_meta(fd.get(), entry, real, false);
}

// The target is found as the container sees it, but a symlink at its end is linked, not followed.
Status Applier::make_hardlink(const Parent& parent, const std::string& name, const std::string& real) {
  const Entry& entry = tar_.entry();
  const std::string target_name(name_of(entry.link));
  auto target = open_in_root(root_, std::string(parent_of(entry.link)), O_PATH | O_DIRECTORY);
  if (!target.ok()) return Failure{target.failure().error, "hard link to " + entry.link, entry.path};
  const int from = target.value().get();
  struct stat st{}, old{};
  if (::fstatat(from, target_name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && skipped_devices_ > 0) return skipped_devices_++, done();  // another name of a device that was left out
    return errno_failure("hard link to " + entry.link, entry.path);
  }
  if (S_ISDIR(st.st_mode)) return Failure{EBADMSG, "hard link to a directory", entry.path};
  const bool there = ::fstatat(parent.fd.get(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && old.st_ino == st.st_ino && old.st_dev == st.st_dev) return done();  // the link is there already
  const std::string target_real = join_path(real_path(from, parent_of(entry.link)), target_name);
  Status made = make_room(parent, name, real, "linkat", [&] { return ::linkat(from, target_name.c_str(), parent.fd.get(), name.c_str(), 0); });
  if (!made.ok() || options_.owners == nullptr) return made;
  options_.owners->erase(real);
  if (const OwnerRecord* record = options_.owners->find(target_real)) {
    OwnerRecord copy = *record;
    copy.path = real;
    options_.owners->set(std::move(copy));
  }
  return done();
}

Status Applier::make_symlink(const Parent& parent, const std::string& name, const std::string& real) {
  const Entry& entry = tar_.entry();
  Status made = make_room(parent, name, real, "symlinkat", [&] { return ::symlinkat(entry.link.c_str(), parent.fd.get(), name.c_str()); });
  if (!made.ok()) return made;
  return set_node_meta(parent, name, entry, real);
}

Status Applier::make_special(const Parent& parent, const std::string& name, const std::string& real) {
  const Entry& entry = tar_.entry();
  const bool device = entry.type != FileType::kFifo;
  if (entry.type == FileType::kChar && entry.rdev_major == 0 && entry.rdev_minor == 0) return Failure{EBADMSG, "a whiteout of overlayfs (char device 0:0)", entry.path};
  if (device && options_.devices == ApplyOptions::Devices::kSkip) {
    skipped_devices_++;
    return done();
  }
  int error = 0;
  Status made = make_room(parent, name, real, "mknodat", [&] {
    const dev_t number = device ? makedev(entry.rdev_major, entry.rdev_minor) : 0;
    const int result = ::mknodat(parent.fd.get(), name.c_str(), format_of_type(entry.type) | 0600, number);
    error = result < 0 ? errno : 0;
    return result;
  });
  if (made.ok()) return set_node_meta(parent, name, entry, real);
  if (!device || !refused(error)) return made;
  // mknod(2) is for the host's root: an empty file stands in, and the record says what it is.
  if (Status status = make_file(parent, name, real, nullptr); !status.ok()) return status;
  return set_node_meta(parent, name, entry, real);
}

}  // namespace tsbuild
