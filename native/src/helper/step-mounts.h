// What a RUN --mount puts into a step, as its request describes it (native/requests/mounts.ts), and how it becomes a mount.
//
// Mounts are made here, in the request's own child, detached; the step's process attaches them in its own mount namespace (move_mount(2) takes a mount
// that was never attached from anywhere). So the step has no path to where they come from.
#pragma once
#include <string>
#include <vector>

#include "common/wire.h"
#include "id-map.h"
#include "stubs.h"
#include "tree.h"

namespace tsbuild {

// A tree of a stage or image; a folder of the store that outlives the step (cache); an empty tmpfs; a file with this content; a socket of ours;
// a path of the host, device nodes among them.
enum class MountKind : uint8_t { kTree = 0, kFolder = 1, kTmpfs = 2, kFile = 3, kSocket = 4, kHost = 5 };

struct StepMount {
  MountKind kind = MountKind::kTmpfs;
  std::string target;  // absolute, as the step sees it
  bool read_only = false;
  Tree tree;           // kTree; kFolder: what a new one begins with, when `seeded`
  bool seeded = false;
  std::string source;  // kTree, kFolder: the part of it, as a process in it would find it
  std::string path;    // kFolder, kSocket: ours, kHost: the host's; absolute
  uint64_t size = 0;   // kTmpfs, bytes; 0: no limit
  std::string content;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

constexpr size_t kMaxMounts = 200;

// EPROTO for what is no mount, E2BIG for more than kMaxMounts.
Result<std::vector<StepMount>> read_mounts(Reader& body);

struct ReadyMount {
  std::string target;
  Fd mount;
  bool directory = true;
  bool read_only = false;
  bool takes_mode = false;  // that of the folder it covers, if there is one
};

// In the order of their targets, so that one inside another comes after it. `active` is the step's folder: files of ours stand below it meanwhile.
// Fails with call "mount source" (ENOENT: there is no such path in the tree), "user id is not mapped".
Result<std::vector<ReadyMount>> make_mounts(const std::vector<StepMount>& mounts, const std::string& active, const IdMap& map);

// A mount point in the tree for each of them, but where /proc, /sys and /dev will be.
Status need_targets(int root, const std::vector<ReadyMount>& mounts, Stubs& stubs);

// For the step's process: `root` is its root to be, with /proc, /sys and /dev. A target inside another mount is made in that. Fails with call
// "mount target": EPERM inside /proc or /sys, ENOTDIR and EISDIR when what is there is of the other kind.
Status attach_mounts(int root, const std::vector<ReadyMount>& mounts);

}  // namespace tsbuild
