// Extended attributes that belong into a layer.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

// security.capability of revision 3 (24 bytes, with the root id of a namespace) -> revision 2 (20 bytes), the form layers have;
// anything else is given back as it is. linux/capability.h, struct vfs_ns_cap_data.
std::string portable_capability(std::string value);

// user.* and security.capability of an open file or directory, sorted by name. A file system without xattrs has none.
Result<std::vector<Xattr>> read_xattrs(int fd, const std::string& path_for_messages);
// The same of a name in a directory, links not followed, without opening it (by way of /proc/self/fd).
Result<std::vector<Xattr>> read_xattrs_at(int directory, const std::string& name);

// user.overlay.* and trusted.overlay.* steer overlayfs and never come from outside.
bool is_overlay_xattr(std::string_view name);

}  // namespace tsbuild
