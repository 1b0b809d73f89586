// Facts about this place, for `tsbuild doctor` and for the choice of strategies.
#pragma once
#include <string>
#include <vector>

namespace tsbuild {

struct Fact {
  const char* name;
  bool ok;
  std::string detail;  // the reason when not ok, else what there is to say
};

// overlay: a tree as steps have it, with user.* xattrs as an unprivileged mount needs. overlay lowerdir+: layers one by one, without the page limit of
// mount(2) (Linux 6.8); volatile: no syncfs at the end. Tried in `folder`, an empty one of the store: its file system decides (an overlayfs, as in a
// container, is no upper for another one). What is made there is the caller's to remove.
std::vector<Fact> probe_overlay(const std::string& folder);

}  // namespace tsbuild
