// Extended attributes of files in a tree.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

// All that this process may see of an open file or directory, sorted by name. Empty where the file system has none.
Result<std::vector<Xattr>> read_all_xattrs(int fd, const std::string& path);
Status write_xattrs(int fd, const std::vector<Xattr>& xattrs, const std::string& path);

// Whose names they are: as a program sees them, or as overlayfs has stored them in an upper ("userxattr": user.overlay.x is kept as
// user.overlay.overlay.x, and the other user.overlay.* are its own).
enum class XattrForm : uint8_t { kSeen, kUpper };
// The part that belongs into a layer: user.* and security.capability, the latter as revision 2 (capabilities(7)), which holds on any machine.
std::vector<Xattr> portable_xattrs(const std::vector<Xattr>& raw, XattrForm form);

// True for a name in an upper or lower that overlayfs uses itself: user.overlay.*, unless it is one that a program's was stored under.
bool is_overlays_own(std::string_view name);
// A directory of an upper that hides all of what is below it.
bool is_opaque(const std::vector<Xattr>& raw);
// Set by overlayfs on a regular file or directory that was copied up, and on none that was made in the upper.
bool has_origin(const std::vector<Xattr>& raw);

}  // namespace tsbuild
