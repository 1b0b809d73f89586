#include "stubs.h"

namespace tsbuild {

constexpr int kMaxLinks = 40;  // as many as the kernel follows, path_resolution(7)

static std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}
static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

static void keep_times(int folder, const struct stat& before) {
  timespec times[2] = {before.st_atim, before.st_mtim};
  (void)::futimens(folder, times);  // best effort: the folder may be read-only for us
}

// `parent` was opened for reading, since futimens(2) takes no O_PATH.
Status Stubs::make(int parent, const std::string& name, bool directory) {
  struct stat before, made;
  Fd folder(::fcntl(parent, F_DUPFD_CLOEXEC, 0));
  if (!folder.valid()) return errno_failure("fcntl", name);
  if (::fstat(parent, &before) != 0) return errno_failure("fstat", name);
  int rc = directory ? ::mkdirat(parent, name.c_str(), 0755) : ::mknodat(parent, name.c_str(), S_IFREG | 0644, 0);
  if (rc != 0) return errno_failure(directory ? "mkdirat" : "mknodat", name);
  keep_times(parent, before);
  if (::fstatat(parent, name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) return errno_failure("fstatat", name);
  made_.push_back({std::move(folder), name, made.st_dev, made.st_ino, directory});
  return done();
}

Status Stubs::need_directory(int root, const std::string& name) {
  struct stat found;
  if (::fstatat(root, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(found.st_mode)) return Failure{ELOOP, "symbolic link in the image", '/' + name};
    if (!S_ISDIR(found.st_mode)) return Failure{ENOTDIR, "no directory in the image", '/' + name};
    return done();
  }
  if (errno != ENOENT) return errno_failure("fstatat", name);
  return make(root, name, true);
}

static Result<std::string> read_link(int folder, const std::string& name, const std::string& path) {
  char target[4096];
  ssize_t size = ::readlinkat(folder, name.c_str(), target, sizeof target);
  if (size < 0) return errno_failure("readlinkat", path);
  std::string link(target, static_cast<size_t>(size));
  return link.starts_with('/') ? link : folder_of(path) + '/' + link;  // resolved inside the root by whoever opens it, ".." included
}

Result<Fd> Stubs::need_folder(int root, const std::string& path, int links) {
  Result<Fd> folder = open_in_root(root, path, O_RDONLY | O_DIRECTORY);
  if (folder.ok() || folder.failure().error != ENOENT || path.empty()) return folder;
  Result<Fd> parent = need_folder(root, folder_of(path), links);
  if (!parent.ok() || name_of(path).empty()) return parent;
  struct stat found;
  if (::fstatat(parent.value().get(), name_of(path).c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0) {  // a link to what is not there
    Result<std::string> link = read_link(parent.value().get(), name_of(path), path);
    if (!link.ok()) return link.failure();
    return links < kMaxLinks ? need_folder(root, link.value(), links + 1) : Result<Fd>(Failure{ELOOP, "symbolic links in the image", path});
  }
  Status made = make(parent.value().get(), name_of(path), true);
  if (!made.ok()) return made.failure();
  return open_in_root(root, path, O_RDONLY | O_DIRECTORY);
}

Status Stubs::need_directories(int root, const std::string& path) {
  Result<Fd> folder = need_folder(root, path);
  return folder.ok() ? done() : Status(folder.failure());
}

Status Stubs::need_file(int root, const std::string& wanted) {
  std::string path = wanted;
  for (int links = 0; links < kMaxLinks; links++) {
    Result<Fd> folder = need_folder(root, folder_of(path));
    if (!folder.ok()) return folder.failure();
    struct stat found;
    std::string name = name_of(path);
    if (::fstatat(folder.value().get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return errno_failure("fstatat", path);
      return make(folder.value().get(), name, false);
    }
    if (S_ISREG(found.st_mode)) return done();
    if (!S_ISLNK(found.st_mode)) return Failure{EINVAL, "no regular file in the image", '/' + path};
    Result<std::string> link = read_link(folder.value().get(), name, path);
    if (!link.ok()) return link.failure();
    path = std::move(link.value());
  }
  return Failure{ELOOP, "symbolic links in the image", '/' + wanted};
}

void Stubs::remove() {
  for (auto stub = made_.rbegin(); stub != made_.rend(); ++stub) {
    struct stat now, folder;
    if (::fstatat(stub->parent.get(), stub->name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (now.st_dev != stub->device || now.st_ino != stub->inode || S_ISDIR(now.st_mode) != stub->directory) continue;
    if (!stub->directory && (!S_ISREG(now.st_mode) || now.st_size != 0)) continue;
    if (::fstat(stub->parent.get(), &folder) != 0) continue;
    // A directory that got something in it stays: ENOTEMPTY.
    if (::unlinkat(stub->parent.get(), stub->name.c_str(), stub->directory ? AT_REMOVEDIR : 0) == 0) keep_times(stub->parent.get(), folder);
  }
  made_.clear();
}

}  // namespace tsbuild
