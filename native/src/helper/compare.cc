#include "helper/compare.h"

#include <sys/stat.h>

#include <cstring>
#include <vector>

#include "common/new-file.h"

namespace tsbuild {
namespace {

bool same_stat(const Stat& a, const Stat& b, bool is_root) {
  bool times = a.mtime_sec == b.mtime_sec && a.mtime_nsec == b.mtime_nsec;
  bool size = a.size == b.size || a.format() != S_IFREG;
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.rdev_major == b.rdev_major && a.rdev_minor == b.rdev_minor && size &&
         (times || is_root);
}

bool same_xattrs(const std::vector<Xattr>& a, const std::vector<Xattr>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++)
    if (a[i].name != b[i].name || a[i].value != b[i].value) return false;
  return true;
}

Result<bool> same_content(int a, int b, const std::string& path) {
  std::vector<char> left(1 << 18), right(1 << 18);
  for (;;) {
    Result<size_t> n = read_full(a, left.data(), left.size(), path);
    if (!n.ok()) return n.failure();
    Result<size_t> m = read_full(b, right.data(), right.size(), path);
    if (!m.ok()) return m.failure();
    if (n.value() != m.value() || std::memcmp(left.data(), right.data(), n.value()) != 0) return false;
    if (n.value() < left.size()) return true;
  }
}

Result<std::string> link_below(int root, const std::string& path) {
  Result<Fd> parent = open_strictly(root, std::string(parent_of(path)), O_PATH | O_DIRECTORY);
  if (!parent.ok()) return parent.failure();
  return read_link(parent.value().get(), std::string(name_of(path)));
}

Result<bool> same_link(int now, int before, const std::string& path) {
  Result<std::string> a = link_below(now, path);
  if (!a.ok()) return a.failure();
  Result<std::string> b = link_below(before, path);
  if (!b.ok()) return b.failure();
  return a.value() == b.value();
}

}  // namespace

Result<Compared> compare_files(int now, const Stat& now_stat, XattrForm form, int before, const Stat& before_stat, const std::string& path) {
  Compared compared;
  bool stats = same_stat(now_stat, before_stat, path.empty());
  if (now_stat.format() == S_IFLNK) {
    Result<bool> link = same_link(now, before, path);
    if (!link.ok()) return link.failure();
    compared.same = stats && link.value();
    return compared;
  }
  // user.* xattrs and file capabilities are on regular files and directories only (xattr(7), capabilities(7)); opening others could block.
  if (!now_stat.is_directory() && now_stat.format() != S_IFREG) {
    compared.same = stats;
    return compared;
  }
  Result<Fd> a = open_strictly(now, path, O_RDONLY | O_NONBLOCK);
  if (!a.ok()) return a.failure();
  Result<std::vector<Xattr>> raw = read_all_xattrs(a.value().get(), path);
  if (!raw.ok()) return raw.failure();
  compared.opaque = form == XattrForm::kUpper && now_stat.is_directory() && is_opaque(raw.value());
  compared.origin = form == XattrForm::kUpper && has_origin(raw.value());
  if (!stats || compared.opaque) return compared;
  Result<Fd> b = open_strictly(before, path, O_RDONLY | O_NONBLOCK);
  if (!b.ok()) return b.failure();
  Result<std::vector<Xattr>> seen = read_all_xattrs(b.value().get(), path);
  if (!seen.ok()) return seen.failure();
  if (!same_xattrs(portable_xattrs(raw.value(), form), portable_xattrs(seen.value(), XattrForm::kSeen))) return compared;
  if (now_stat.is_directory()) {
    compared.same = true;
    return compared;
  }
  Result<bool> content = same_content(a.value().get(), b.value().get(), path);
  if (!content.ok()) return content.failure();
  compared.same = content.value();
  return compared;
}

}  // namespace tsbuild
