// A file-system state under construction, as a request describes it (native/requests.ts, TreeRequest), and how it is put together.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/failure.h"
#include "common/fd.h"
#include "common/wire.h"

namespace tsbuild {

enum class Stacking : uint8_t { kOverlay = 0, kCopy = 1 };

// More lower directories are refused by overlayfs itself (OVL_MAX_STACK); every request with more fails before anything is touched.
constexpr size_t kMaxLowers = 500;

// `lowers` are folders of sealed parents, the topmost first, each with `fs` and `owners`. `active` is a folder of ours (mode 0700) with `fs`, and
// `owners`, `work`, `merged`, `lower` and `walk` while in use. All paths are absolute and come from tsbuild itself, never from an image.
struct Tree {
  Stacking stacking = Stacking::kOverlay;
  std::vector<std::string> lowers;
  std::string active;
};

// Reads the fields that every tree request begins with; fails with EPROTO for what is no tree, E2BIG for more than kMaxLowers lowers.
Result<Tree> read_tree(Reader& body);

// O_PATH|O_DIRECTORY of the merged root, attached in this process's own mount namespace. The mount ends with that namespace.
struct MountedTree {
  Fd root;
};

// Makes the merged view of a begun tree. May be called by one request after the other for the same active folder, never by two at once.
// Call it only in a process that has its own mount namespace without shared propagation.
Result<MountedTree> mount_tree(const Tree& tree);

// `folder/name` (one of `fs`, `merged`, ...) as O_PATH|O_DIRECTORY; the last name is not followed.
Result<Fd> open_folder(const std::string& folder, const char* name);

}  // namespace tsbuild
