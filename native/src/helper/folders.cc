#include "folders.h"

#include <sys/stat.h>

namespace tsbuild {

constexpr int kMaxLinks = 40;  // as many as the kernel follows, path_resolution(7)

struct Maker {
  int root;
  uid_t uid;
  gid_t gid;
  int links = 0;

  Result<Fd> folder(const std::string& path);
  Result<Fd> make(int parent, const std::string& path, const std::string& name);
  Result<Fd> follow(int parent, const std::string& path, const std::string& name);
};

static std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

Result<Fd> Maker::folder(const std::string& path) {
  Result<Fd> found = open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (found.ok() || found.failure().error != ENOENT || path.empty()) return found;
  Result<Fd> parent = folder(folder_of(path));
  if (!parent.ok()) return parent;
  found = open_in_root(root, path, O_PATH | O_DIRECTORY);  // of "/new/..", and of what is there behind it, once /new is made
  if (found.ok() || found.failure().error != ENOENT) return found;
  return make(parent.value().get(), path, path.substr(path.rfind('/') + 1));
}

// By the descriptor of its parent: whatever the path leads to by now, this is a name in a directory inside the root.
Result<Fd> Maker::make(int parent, const std::string& path, const std::string& name) {
  if (name.empty()) return open_in_root(parent, ".", O_PATH | O_DIRECTORY);
  if (::mkdirat(parent, name.c_str(), 0755) != 0) {
    if (errno != EEXIST) return errno_failure("mkdirat", path);
    return follow(parent, path, name);
  }
  if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fchownat", path);
  return open_below(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

// Its name is there although it could not be opened: a link that leads nowhere yet.
Result<Fd> Maker::follow(int parent, const std::string& path, const std::string& name) {
  if (++links > kMaxLinks) return Failure{ELOOP, "readlinkat", path};
  char target[4096];
  ssize_t size = ::readlinkat(parent, name.c_str(), target, sizeof target);
  if (size < 0) return errno_failure("readlinkat", path);
  std::string link(target, static_cast<size_t>(size));
  return folder(link.starts_with('/') ? link : folder_of(path) + '/' + link);
}

Result<Fd> make_folders(int root, const std::string& path, uid_t uid, gid_t gid) { return Maker{root, uid, gid}.folder(path); }

Status make_workdir(const Fd& root, const std::string& path, uid_t uid, gid_t gid) {
  for (const char* ours : {"/proc/", "/sys/", "/dev/"})
    if ((path + '/').starts_with(ours)) return done();
  Result<Fd> made = make_folders(root.get(), path, uid, gid);
  return made.ok() ? done() : Status(Failure{made.failure().error, "working directory", path});
}

}  // namespace tsbuild
