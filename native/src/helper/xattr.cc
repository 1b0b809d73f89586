#include "helper/xattr.h"

#include <sys/xattr.h>

#include <algorithm>
#include <string_view>

#include "layer/xattr.h"

namespace tsbuild {
namespace {

constexpr std::string_view kUser = "user.";
constexpr std::string_view kOverlay = "user.overlay.";
constexpr std::string_view kEscaped = "user.overlay.overlay.";
constexpr std::string_view kCapability = "security.capability";

// Both calls tell the size when given none; it may grow in between (ERANGE), so ask again.
template <typename Call>
Result<std::string> read_sized(const Call& call, const std::string& path) {
  for (;;) {
    ssize_t size = call(nullptr, 0);
    if (size < 0) return errno_failure("fgetxattr", path);
    std::string value(static_cast<size_t>(size), '\0');
    if (size == 0) return value;
    size = call(value.data(), value.size());
    if (size < 0 && errno == ERANGE) continue;
    if (size < 0) return errno_failure("fgetxattr", path);
    value.resize(static_cast<size_t>(size));
    return value;
  }
}

const Xattr* find(const std::vector<Xattr>& xattrs, std::string_view name) {
  for (const Xattr& xattr : xattrs)
    if (xattr.name == name) return &xattr;
  return nullptr;
}

}  // namespace

Result<std::vector<Xattr>> read_all_xattrs(int fd, const std::string& path) {
  std::vector<Xattr> xattrs;
  Result<std::string> names = read_sized([&](char* to, size_t size) { return flistxattr(fd, to, size); }, path);
  if (!names.ok()) return names.failure().error == EOPNOTSUPP ? Result<std::vector<Xattr>>(xattrs) : names.failure();
  for (size_t start = 0; start < names.value().size();) {
    std::string name(names.value().c_str() + start);
    start += name.size() + 1;
    Result<std::string> value = read_sized([&](char* to, size_t size) { return fgetxattr(fd, name.c_str(), to, size); }, path);
    if (!value.ok() && value.failure().error == ENODATA) continue;  // removed since, or not ours to see
    if (!value.ok()) return value.failure();
    xattrs.push_back({std::move(name), std::move(value.value())});
  }
  std::sort(xattrs.begin(), xattrs.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  return xattrs;
}

Status write_xattrs(int fd, const std::vector<Xattr>& xattrs, const std::string& path) {
  for (const Xattr& xattr : xattrs) {
    if (fsetxattr(fd, xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0) return errno_failure("fsetxattr " + xattr.name, path);
  }
  return done();
}

std::vector<Xattr> portable_xattrs(const std::vector<Xattr>& raw, XattrForm form) {
  std::vector<Xattr> portable;
  for (const Xattr& xattr : raw) {
    std::string_view name(xattr.name);
    if (name == kCapability) portable.push_back({xattr.name, portable_capability(xattr.value)});
    if (!name.starts_with(kUser)) continue;
    bool stored = form == XattrForm::kUpper && name.starts_with(kOverlay);
    if (!stored) portable.push_back(xattr);
    else if (name.starts_with(kEscaped)) portable.push_back({std::string(kOverlay).append(name.substr(kEscaped.size())), xattr.value});
  }
  std::sort(portable.begin(), portable.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
  return portable;
}

bool is_overlays_own(std::string_view name) { return name.starts_with(kOverlay) && !name.starts_with(kEscaped); }

bool is_opaque(const std::vector<Xattr>& raw) {
  const Xattr* opaque = find(raw, "user.overlay.opaque");
  return opaque != nullptr && opaque->value == "y";
}

bool has_origin(const std::vector<Xattr>& raw) { return find(raw, "user.overlay.origin") != nullptr; }

}  // namespace tsbuild
