#include "helper/remove.h"

#include <dirent.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "helper/walk.h"

namespace tsbuild {
namespace {

struct Identity {
  dev_t device;
  ino_t inode;
  bool operator==(const Identity&) const = default;
};

// A directory being emptied. Only the innermost is open: the others are reached again through "..", which works at any depth.
struct Frame {
  std::string name;  // in its parent
  Identity identity;
  std::vector<std::string> directories;  // still to be removed
};

Result<Identity> identity_of(int fd) {
  struct stat stat;
  if (fstat(fd, &stat) != 0) return errno_failure("fstat");
  return Identity{stat.st_dev, stat.st_ino};
}

// Without CAP_DAC_OVERRIDE (no id map at all) a directory of mode 000 must be opened up by its owner first.
Status allow_access(int directory, const std::string& name) {
  Fd fd(openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return errno_failure("openat", name);
  if (chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), 0700) != 0) return errno_failure("chmod", name);
  return done();
}

Result<Fd> open_directory(int parent, const std::string& name) {
  Result<Fd> directory = open_strictly(parent, name, O_RDONLY | O_DIRECTORY);
  if (directory.ok() || directory.failure().error != EACCES) return directory;
  if (Status allowed = allow_access(parent, name); !allowed.ok()) return allowed.failure();
  return open_strictly(parent, name, O_RDONLY | O_DIRECTORY);
}

// ENOENT is fine: somebody else removes it too.
Status unlink_name(int directory, const std::string& name, int flags) {
  if (unlinkat(directory, name.c_str(), flags) == 0 || errno == ENOENT) return done();
  if (errno == EACCES && allow_access(directory, ".").ok() && unlinkat(directory, name.c_str(), flags) == 0) return done();
  return errno_failure("unlinkat", name);
}

// Unlinks everything in a directory but its directories, whose names are kept for later.
Result<Frame> enter(int directory, const std::string& name) {
  Result<Identity> identity = identity_of(directory);
  if (!identity.ok()) return identity.failure();
  Result<std::vector<std::string>> names = names_of(directory, name);
  if (!names.ok()) return names.failure();
  Frame frame{name, identity.value(), {}};
  for (std::string& child : names.value()) {
    if (unlinkat(directory, child.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno == EISDIR) frame.directories.push_back(std::move(child));
    else if (Status removed = unlink_name(directory, child, 0); !removed.ok()) return removed.failure();
  }
  return frame;
}

// The parent of an open directory, if it is still the one we came from.
Result<Fd> leave(int directory, const Identity& expected) {
  Fd parent(openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return errno_failure("openat", "..");
  Result<Identity> identity = identity_of(parent.get());
  if (!identity.ok()) return identity.failure();
  if (!(identity.value() == expected)) return Failure{ESTALE, "directory moved while it was removed", {}};
  return parent;
}

Status empty_directory(Fd directory) {
  std::vector<Frame> frames;
  Result<Frame> top = enter(directory.get(), ".");
  if (!top.ok()) return top.failure();
  frames.push_back(std::move(top.value()));
  for (;;) {
    Frame& frame = frames.back();
    if (!frame.directories.empty()) {
      Result<Fd> child = open_directory(directory.get(), frame.directories.back());
      if (!child.ok() && child.failure().error == ENOENT) {
        frame.directories.pop_back();
        continue;
      }
      if (!child.ok()) return child.failure();
      Result<Frame> inner = enter(child.value().get(), frame.directories.back());
      if (!inner.ok()) return inner.failure();
      frame.directories.pop_back();
      directory = std::move(child.value());
      frames.push_back(std::move(inner.value()));
      continue;
    }
    if (frames.size() == 1) return done();
    std::string name = std::move(frame.name);
    frames.pop_back();
    Result<Fd> parent = leave(directory.get(), frames.back().identity);
    if (!parent.ok()) return parent.failure();
    directory = std::move(parent.value());
    if (Status removed = unlink_name(directory.get(), name, AT_REMOVEDIR); !removed.ok()) return removed;
  }
}

}  // namespace

Status remove_tree(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string name = path.substr(slash + 1);
  if (slash == std::string::npos || name.empty() || name == "." || name == "..") return Failure{EINVAL, "remove", path};
  Fd parent(open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid()) return errno == ENOENT ? done() : Status(errno_failure("open", path));
  if (unlinkat(parent.get(), name.c_str(), 0) == 0 || errno == ENOENT) return done();
  if (errno != EISDIR) return errno_failure("unlinkat", path);
  Result<Fd> directory = open_directory(parent.get(), name);
  if (!directory.ok()) return directory.failure();
  Status emptied = empty_directory(std::move(directory.value()));
  if (!emptied.ok()) return Failure{emptied.failure().error, emptied.failure().call, path + ": " + emptied.failure().path};
  return unlink_name(parent.get(), name, AT_REMOVEDIR);
}

Result<std::string> handle_remove(Reader& body, Channel&) {
  std::vector<std::string> paths;
  uint32_t count = body.count();
  for (uint32_t i = 0; i < count && !body.bad(); i++) paths.push_back(body.bytes());
  if (!body.finished()) return Failure{EPROTO, "remove request", {}};
  Status first = done();
  for (const std::string& path : paths) {
    Status removed = remove_tree(path);
    if (!removed.ok() && first.ok()) first = removed;
  }
  if (!first.ok()) return first.failure();
  return std::string();
}

}  // namespace tsbuild
