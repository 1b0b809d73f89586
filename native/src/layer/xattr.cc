#include "layer/xattr.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <functional>

namespace tsbuild {
namespace {

using ListCall = std::function<ssize_t(char*, size_t)>;
using GetCall = std::function<ssize_t(const char*, void*, size_t)>;

bool wanted(std::string_view name) { return (name.starts_with("user.") && !is_overlay_xattr(name)) || name == "security.capability"; }
bool nothing_there(int error) { return error == ENOTSUP || error == ENODATA || error == ENOSYS; }

// Asks for the size first; tries again when it grew meanwhile (xattr(7): at most 64 KiB).
Result<std::string> sized(const std::function<ssize_t(char*, size_t)>& call, const char* what, const std::string& path) {
  for (;;) {
    const ssize_t size = call(nullptr, 0);
    if (size == 0 || (size < 0 && nothing_there(errno))) return std::string();
    if (size < 0) return errno_failure(what, path);
    std::string value(static_cast<size_t>(size), '\0');
    const ssize_t got = call(value.data(), value.size());
    if (got < 0 && errno == ERANGE) continue;
    if (got < 0 && nothing_there(errno)) return std::string();
    if (got < 0) return errno_failure(what, path);
    value.resize(static_cast<size_t>(got));
    return value;
  }
}

Result<std::vector<Xattr>> read_all(const ListCall& list, const GetCall& get, const std::string& path) {
  std::vector<Xattr> xattrs;
  auto names = sized(list, "listxattr", path);
  if (!names.ok()) return names.failure();
  for (std::string_view rest = names.value(); !rest.empty();) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (!wanted(name)) continue;
    auto value = sized([&](char* out, size_t size) { return get(name.c_str(), out, size); }, "getxattr", path);
    if (!value.ok()) return value.failure();
    if (name == "security.capability") value.value() = portable_capability(std::move(value.value()));
    xattrs.push_back({name, std::move(value.value())});
  }
  std::sort(xattrs.begin(), xattrs.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  return xattrs;
}

}  // namespace

std::string portable_capability(std::string value) {
  if (value.size() != 24 || value[3] != 3) return value;
  value[3] = 2;
  value.resize(20);
  return value;
}

Result<std::vector<Xattr>> read_xattrs(int fd, const std::string& path) {
  return read_all([fd](char* out, size_t size) { return ::flistxattr(fd, out, size); },
                  [fd](const char* name, void* out, size_t size) { return ::fgetxattr(fd, name, out, size); }, path);
}

Result<std::vector<Xattr>> read_xattrs_at(int directory, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + '/' + name;
  return read_all([&](char* out, size_t size) { return ::llistxattr(path.c_str(), out, size); },
                  [&](const char* key, void* out, size_t size) { return ::lgetxattr(path.c_str(), key, out, size); }, name);
}

bool is_overlay_xattr(std::string_view name) { return name.starts_with("user.overlay.") || name.starts_with("trusted.overlay."); }

}  // namespace tsbuild
