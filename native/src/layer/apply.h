// Applies the tar of a layer onto a tree. Everything happens by descriptors below `root` (openat2 with RESOLVE_IN_ROOT, then *at calls
// that do not follow links), so nothing outside is touched whatever the archive says.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/failure.h"
#include "layer/blob-reader.h"
#include "layer/owners.h"
#include "layer/sha256.h"
#include "layer/toc.h"

namespace tsbuild {

struct Cancel;

struct IndexReply {
  Digest diff_id{};
  uint64_t tar_size = 0;
};
std::string encode(const IndexReply& reply);

// A range of ids that exist in the user namespace, as it counts them.
struct IdExtent {
  uint32_t inside = 0;
  uint32_t count = 0;
};

struct ApplyOptions {
  // Give files the owners of the archive. False: they stay the caller's, set-id bits are dropped, and no owner is recorded.
  bool chown = true;
  // The ids that can be given; empty means all. A file of another id is owned by 0:0, loses its set-id bits and is recorded.
  std::vector<IdExtent> uids, gids;
  // With ids outside the map: a Failure EOVERFLOW that names the path and the ids, instead of a record.
  bool refuse_foreign = false;
  // Whiteouts are applied. False: names that begin with ".wh." are ordinary.
  bool whiteouts = true;
  enum class Devices { kMake, kSkip } devices = Devices::kMake;
  // Where to record what the tree cannot say; existing records of paths that are replaced or removed are erased. Null: not recorded.
  Owners* owners = nullptr;
};

struct ApplyReply : IndexReply {
  uint64_t dropped_xattrs = 0;   // user.overlay.*, trusted.overlay.*
  uint64_t skipped_devices = 0;  // only with Devices::kSkip
};

// The root entry sets metadata of the root only. Fails with EBADMSG for an archive that is none or that tries something:
// names that leave the root, bare ".wh.", char 0:0, sizes that lie. A failed apply leaves a half-made tree, which the caller drops.
// `toc` (may be null) gets every entry; the caller finishes it with the reply.
Result<ApplyReply> apply_layer(BlobReader& blob, int root, TocWriter* toc, const ApplyOptions& options, const Cancel& cancel);

}  // namespace tsbuild
