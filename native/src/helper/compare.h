// Whether a file is still what it was.
#pragma once
#include <string>

#include "common/failure.h"
#include "helper/walk.h"
#include "helper/xattr.h"

namespace tsbuild {

struct Compared {
  bool same = false;    // nothing that a layer holds is different
  bool opaque = false;  // `now` is a directory of an upper that hides what is below it
  bool origin = false;  // `now` was copied up from below, by overlayfs's own mark
};

// One path, there on both sides with the same type. `form` is that of the xattrs of `now`; those of `before` are as programs see them.
Result<Compared> compare_files(int now, const Stat& now_stat, XattrForm form, int before, const Stat& before_stat, const std::string& path);

}  // namespace tsbuild
