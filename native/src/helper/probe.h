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

// overlay: with user.* xattrs as an unprivileged mount needs. overlay lowerdir+: layers one by one, without the page limit of mount(2) (Linux 6.7).
// overlay volatile: no syncfs at the end. Tried on a tmpfs; whether the store's own file system can be an upper is found by the first tree.
std::vector<Fact> probe_overlay();

}  // namespace tsbuild
