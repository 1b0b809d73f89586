// The change set of a tree against its parent.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/failure.h"
#include "helper/tree.h"
#include "helper/walk.h"
#include "helper/xattr.h"

namespace tsbuild {

struct Change {
  enum class Kind : uint8_t {
    kSame,      // looked at and found unchanged; becomes an entry only as the parent of another
    kChanged,   // new or different
    kWhiteout,  // `path` was there and is gone
    kOpaque,    // nothing of what was in the directory `path` is left, though the directory is there
  };
  std::string path;
  Kind kind = Kind::kSame;
  Stat stat;  // as it is now; not for kWhiteout and kOpaque
  // It is the file that was there before, perhaps changed, and not another one of its name.
  bool same_file = false;
  // The first name of a regular file in this change set, when it is not this one.
  std::string first_name;
};

struct ChangeSet {
  Fd now;     // root of the files as they are in `active`
  Fd before;  // root of what was there before; not valid without a parent
  XattrForm form = XattrForm::kSeen;  // of the xattrs below `now`
  // In the order of the layer: a directory, the whiteouts in it, then its other names by their bytes, each with what is below it. Without kSame,
  // but for the directories above a change.
  std::vector<Change> changes;
  uint64_t count = 0;  // of changes that are not kSame
};

// Sockets are never part of it, nor is a char device 0:0. A file that was copied up, or touched, is compared with what was there before: type, mode,
// ids, device, size, mtime, link target, xattrs, and with all of these equal the content. The root is compared without its mtime.
// Mounts the parents of an overlay tree on active/lower.
Result<ChangeSet> find_changes(const Tree& tree);

}  // namespace tsbuild
