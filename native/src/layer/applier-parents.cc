#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layer/applier.h"
#include "layer/remove-tree.h"

namespace tsbuild {

// As the container sees it: a layer may go through a symlink of a lower layer, but RESOLVE_IN_ROOT keeps it inside the root.
Result<Applier::Parent*> Applier::parent(std::string_view path, bool make) {
  if (parent_known_ && parent_.path == path) return &parent_;
  auto fd = open_in_root(root_, std::string(path), O_PATH | O_DIRECTORY);
  if (!fd.ok() && fd.failure().error == ENOENT) {
    if (!make) return static_cast<Parent*>(nullptr);
    fd = make_directories(path);
  }
  if (!fd.ok()) return Failure{fd.failure().error, fd.failure().call, tar_.entry().path};
  parent_.real = real_path(fd.value().get(), path);
  parent_.path = path;
  parent_.fd = std::move(fd.value());
  parent_known_ = true;
  return &parent_;
}

// Directories that the archive takes for granted: 0755, owned by root. One component at a time, so that the cost is linear.
Result<Fd> Applier::make_directories(std::string_view path) {
  auto opened = open_in_root(root_, {}, O_PATH | O_DIRECTORY);
  if (!opened.ok()) return opened;
  Fd current = std::move(opened.value());
  for (size_t end = 0; end < path.size();) {
    const size_t begin = end == 0 ? 0 : end + 1;
    end = std::min(path.find('/', begin), path.size());
    const std::string prefix(path.substr(0, end)), name(path.substr(begin, end - begin));
    const bool fresh = ::mkdirat(current.get(), name.c_str(), 0755) == 0;
    if (!fresh && errno != EEXIST) return errno_failure("mkdirat", prefix);
    if (fresh && ::fchmodat(current.get(), name.c_str(), 0755, 0) != 0) return errno_failure("fchmodat", prefix);  // whatever the umask
    Fd next(::openat(current.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) {
      auto linked = open_in_root(root_, prefix, O_PATH | O_DIRECTORY);  // a symlink, if it leads to a directory
      if (!linked.ok()) return linked;
      next = std::move(linked.value());
    }
    if (fresh && options_.whiteouts) {
      const std::string real = real_path(next.get(), prefix);
      made_.insert(real);
      clean_.insert(real);
    }
    current = std::move(next);
  }
  return current;
}

// Where /proc is not mounted, the path as the archive has it.
std::string Applier::real_path(int directory, std::string_view path) const {
  if (path.empty() || root_real_.empty()) return std::string(path);
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t size = ::readlink(link.c_str(), target, sizeof target);
  std::string_view real(target, size > 0 ? static_cast<size_t>(size) : 0);
  const std::string_view root = root_real_ == "/" ? std::string_view() : std::string_view(root_real_);
  if (real == root || (root.empty() && real == "/")) return {};
  if (size <= 0 || static_cast<size_t>(size) == sizeof target || !real.starts_with(root) || real[root.size()] != '/') return std::string(path);
  return std::string(real.substr(root.size() + 1));
}

Status Applier::remove(const Parent& parent, const std::string& name, const std::string& real) {
  if (Status status = remove_tree(parent.fd.get(), name); !status.ok()) return Failure{status.failure().error, status.failure().call, real};
  if (options_.owners != nullptr) options_.owners->erase_tree(real);
  clean_.erase(real);
  // What was removed may have been a part of the way to the directory we remember; its descriptor stays open for the entry at hand.
  parent_known_ = false;
  return done();
}

}  // namespace tsbuild
