// The `list` request: the entries of many directories below one root.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "common/directory.h"
#include "common/thread.h"
#include "layer/ops.h"
#include "layer/request-parts.h"
#include "layer/xattr.h"

namespace tsbuild {
namespace {

constexpr size_t kMaxLink = 4096;  // PATH_MAX: no symlink has more

Result<std::string> read_link(int directory, const std::string& name, const std::string& path) {
  std::string target(kMaxLink, '\0');
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) return errno_failure("readlinkat", path);
  target.resize(static_cast<size_t>(size));
  return target;
}

// One entry's bytes; nothing when it went away since the directory was read.
Status write_entry(Writer& w, uint32_t& count, int directory, const std::string& name, const std::string& path, bool with_xattrs) {
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? done() : Status(errno_failure("fstatat", path));
  }
  std::string link;
  if (S_ISLNK(st.st_mode)) {
    auto target = read_link(directory, name, path);
    if (!target.ok()) return target.failure().error == ENOENT ? done() : Status(target.failure());
    link = std::move(target.value());
  }
  std::vector<Xattr> xattrs;
  if (with_xattrs) {
    auto read = read_xattrs_at(directory, name);
    if (!read.ok()) return Failure{read.failure().error, read.failure().call, path};
    xattrs = std::move(read.value());
  }
  w.bytes(name);
  w.u8(static_cast<uint8_t>(type_of_mode(st.st_mode)));
  w.u32(st.st_mode & 07777);
  w.u32(st.st_uid);
  w.u32(st.st_gid);
  w.u64(static_cast<uint64_t>(st.st_size));
  w.i64(st.st_mtim.tv_sec);
  w.u32(static_cast<uint32_t>(st.st_mtim.tv_nsec));
  w.i64(st.st_ctim.tv_sec);
  w.u32(static_cast<uint32_t>(st.st_ctim.tv_nsec));
  w.u64(st.st_dev);
  w.u64(st.st_ino);
  w.u32(static_cast<uint32_t>(st.st_nlink));
  w.u32(major(st.st_rdev));
  w.u32(minor(st.st_rdev));
  w.bytes(link);
  w.u32(static_cast<uint32_t>(xattrs.size()));
  for (const Xattr& xattr : xattrs) {
    w.bytes(xattr.name);
    w.bytes(xattr.value);
  }
  count++;
  return done();
}

// The bytes of one item of the reply.
Result<std::string> list_directory(int root, const std::string& path, bool with_xattrs, const Cancel& cancel) {
  auto directory = open_below(root, path, O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (!directory.ok()) {
    const int error = directory.failure().error;
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) return std::string(1, '\0');
    return directory.failure();
  }
  auto names = read_names(directory.value().get(), path);
  if (!names.ok()) return names.failure();
  std::sort(names.value().begin(), names.value().end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Writer entries;
  uint32_t count = 0;
  for (const auto& [name, type] : names.value()) {
    if (Status status = check_cancel(cancel); !status.ok()) return status.failure();
    if (Status status = write_entry(entries, count, directory.value().get(), name, join_path(path, name), with_xattrs); !status.ok()) return status.failure();
  }
  Writer item;
  item.u8(1);
  item.u32(count);
  item.raw(entries.view().data(), entries.view().size());
  return item.take();
}

}  // namespace

Result<std::string> handle_list(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  auto root = open_root(r.bytes());
  const bool with_xattrs = r.u8() != 0;
  std::vector<std::string> paths;
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) paths.push_back(r.bytes());
  if (!r.finished()) return Failure{EPROTO, "list request", {}};
  if (!root.ok()) return root.failure();

  std::vector<std::string> items(paths.size());
  // A thread costs about as much as the listing of a few directories.
  const unsigned threads = std::min<size_t>(thread_count(0), paths.size() / 8 + 1);
  Status status = for_each_index(paths.size(), threads, [&](size_t i) -> Status {
    auto item = list_directory(root.value().get(), paths[i], with_xattrs, cancel);
    if (!item.ok()) return item.failure();
    items[i] = std::move(item.value());
    return done();
  });
  if (!status.ok()) return status.failure();
  Writer reply;
  reply.u32(static_cast<uint32_t>(items.size()));
  for (const std::string& item : items) reply.raw(item.data(), item.size());
  return reply.take();
}

}  // namespace tsbuild
