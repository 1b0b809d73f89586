#include "helper/unpack.h"

#include "helper/id-map.h"
#include "helper/tree.h"
#include "layer/apply.h"
#include "layer/ops.h"
#include "layer/toc.h"

namespace tsbuild {
namespace {

std::vector<IdExtent> inside_of(const Extents& extents) {
  std::vector<IdExtent> ids;
  for (const Extent& extent : extents) ids.push_back({extent.inside, extent.count});
  return ids;
}

// Records are of the whole tree, so each sealed tree has all it needs beside it: an upper begins with those of its parent.
Result<Owners> read_owners(const Tree& tree) {
  Result<Fd> active = open_folder(tree.active, ".");
  if (!active.ok()) return active.failure();
  bool begun = tree.stacking == Stacking::kCopy || tree.lowers.empty() || faccessat(active.value().get(), "owners", F_OK, 0) == 0;
  if (begun) return Owners::read_file(active.value().get(), "owners");
  Result<Fd> parent = open_folder(tree.lowers.front(), ".");
  if (!parent.ok()) return parent.failure();
  return Owners::read_file(parent.value().get(), "owners");
}

Result<ApplyOptions> options_for(Owners& owners) {
  ApplyOptions options;
  Result<IdMap> map = current_map();
  if (!map.ok()) return map.failure();
  options.uids = inside_of(map.value().users);
  options.gids = inside_of(map.value().groups);
  // With a single id every owner would be a record, and no chown in a step could work: such a base is refused instead of half-kept.
  options.refuse_foreign = count_ids(map.value().users) == 1 || count_ids(map.value().groups) == 1;
  options.owners = &owners;
  return options;
}

Result<IndexReply> unpack(const Tree& tree, BlobReader& blob, TocWriter* toc) {
  Result<Owners> owners = read_owners(tree);
  if (!owners.ok()) return owners.failure();
  Result<ApplyOptions> options = options_for(owners.value());
  if (!options.ok()) return options.failure();
  Result<MountedTree> mounted = mount_tree(tree);
  if (!mounted.ok()) return mounted.failure();
  Cancel never;  // a cancelled request child is killed
  Result<ApplyReply> applied = apply_layer(blob, mounted.value().root.get(), toc, options.value(), never);
  if (!applied.ok()) return applied.failure();
  if (toc != nullptr) {
    if (Status finished = toc->finish(applied.value().diff_id, applied.value().tar_size); !finished.ok()) return finished.failure();
  }
  Result<Fd> active = open_folder(tree.active, ".");
  if (!active.ok()) return active.failure();
  if (Status written = owners.value().write_file(active.value().get(), "owners"); !written.ok()) return written.failure();
  return static_cast<IndexReply>(applied.value());
}

}  // namespace

Result<std::string> handle_unpack(Reader& body, Channel&) {
  Result<Tree> tree = read_tree(body);
  if (!tree.ok()) return tree.failure();
  std::string path = body.bytes();
  uint8_t codec = body.u8();
  std::string toc_path = body.bytes();
  if (!body.finished() || codec > static_cast<uint8_t>(Codec::kZstd)) return Failure{EPROTO, "unpack request", {}};
  Result<std::unique_ptr<BlobReader>> blob = BlobReader::open(path, static_cast<Codec>(codec));
  if (!blob.ok()) return blob.failure();
  std::unique_ptr<TocWriter> toc;
  if (!toc_path.empty()) {
    Result<std::unique_ptr<TocWriter>> created = TocWriter::create(toc_path);
    if (!created.ok()) return created.failure();
    toc = std::move(created.value());
  }
  Result<IndexReply> reply = unpack(tree.value(), *blob.value(), toc.get());
  if (!reply.ok()) return reply.failure();
  return encode(reply.value());
}

}  // namespace tsbuild
