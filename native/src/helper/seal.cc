#include "helper/seal.h"

#include <sys/stat.h>

#include "common/wire.h"
#include "helper/diff.h"
#include "layer/owners.h"
#include "layer/pack.h"

namespace tsbuild {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr const char* kOpaqueName = ".wh..wh..opq";

struct SealRequest {
  Tree tree;
  std::string output, toc;
  PackOptions options;
};

Result<SealRequest> read_request(Reader& body) {
  Result<Tree> tree = read_tree(body);
  if (!tree.ok()) return tree.failure();
  SealRequest request{std::move(tree.value()), body.bytes(), body.bytes(), {}};
  uint8_t codec = body.u8();
  request.options.codec = static_cast<Codec>(codec);
  request.options.level = body.u32();
  request.options.threads = body.u32();
  bool clamped = body.u8() == 1;
  int64_t clamp = body.i64();
  if (clamped) request.options.clamp = clamp;
  if (!body.finished() || codec > static_cast<uint8_t>(Codec::kZstd)) return Failure{EPROTO, "seal request", {}};
  return request;
}

// Deleted names have no metadata of their own; the same for everybody, so that equal changes give equal layers.
Entry whiteout_entry(const std::string& directory, const std::string& name) {
  Entry entry;
  entry.path = join_path(directory, name);
  return entry;
}

// What the record says of a file that stands here as a placeholder, as far as the step did not change it. Ids: the placeholder has 0, and so has
// a file that was given to root; it stays foreign then. Content in the placeholder of a device makes it a regular file.
void apply_record(const OwnerRecord& record, const Stat& before, Entry& entry) {
  if (entry.uid == before.uid) entry.uid = record.uid;
  if (entry.gid == before.gid) entry.gid = record.gid;
  if (entry.mode == (before.mode & 07777)) entry.mode = record.mode;
  bool device = record.type == FileType::kChar || record.type == FileType::kBlock;
  if (device && entry.type == FileType::kFile && entry.size == 0) {
    entry.type = record.type;
    entry.rdev_major = record.rdev_major;
    entry.rdev_minor = record.rdev_minor;
  }
  entry.xattrs.insert(entry.xattrs.end(), record.xattrs.begin(), record.xattrs.end());
}

// One seal: the files' side, the layer's side, and the record that goes with the sealed tree.
class Sealing {
 public:
  Sealing(const ChangeSet& set, LayerWriter& layer, Owners& owners) : set_(set), layer_(layer), owners_(owners) {}

  Status add(const Change& change) {
    switch (change.kind) {
      case Change::Kind::kWhiteout:
        owners_.erase_tree(change.path);
        return layer_.add(whiteout_entry(std::string(parent_of(change.path)), std::string(kWhiteoutPrefix).append(name_of(change.path))), "");
      case Change::Kind::kOpaque:
        owners_.erase_below(change.path);
        return layer_.add(whiteout_entry(change.path, kOpaqueName), "");
      case Change::Kind::kSame:
      case Change::Kind::kChanged:
        break;
    }
    if (name_of(change.path).starts_with(kWhiteoutPrefix)) return Failure{EINVAL, "name of a whiteout", change.path};
    return add_entry(change);
  }

 private:
  Status add_entry(const Change& change) {
    const Stat& stat = change.stat;
    Entry entry;
    entry.path = change.path;
    entry.type = type_of_mode(stat.mode);
    entry.mode = stat.mode & 07777;
    entry.uid = stat.uid;
    entry.gid = stat.gid;
    entry.mtime_sec = stat.mtime_sec;
    entry.mtime_nsec = stat.mtime_nsec;
    entry.rdev_major = stat.rdev_major;  // of a device node: only where the helper has no user namespace, elsewhere they are placeholders
    entry.rdev_minor = stat.rdev_minor;
    if (stat.format() == S_IFREG) entry.size = stat.size;
    if (stat.format() == S_IFLNK) return add_symlink(entry);
    if (stat.format() != S_IFREG && !stat.is_directory()) return add_recorded(change, entry, -1);
    Result<Fd> file = open_strictly(set_.now.get(), change.path, O_RDONLY | O_NONBLOCK);
    if (!file.ok()) return file.failure();
    Result<std::vector<Xattr>> xattrs = read_all_xattrs(file.value().get(), change.path);
    if (!xattrs.ok()) return xattrs.failure();
    entry.xattrs = portable_xattrs(xattrs.value(), set_.form);
    return add_recorded(change, entry, stat.is_directory() ? -1 : file.value().get());
  }

  Status add_symlink(Entry& entry) {
    Result<Fd> parent = open_strictly(set_.now.get(), std::string(parent_of(entry.path)), O_PATH | O_DIRECTORY);
    if (!parent.ok()) return parent.failure();
    Result<std::string> target = read_link(parent.value().get(), std::string(name_of(entry.path)));
    if (!target.ok()) return target.failure();
    entry.link = target.value();
    return layer_.add(entry);
  }

  Status add_recorded(const Change& change, Entry& entry, int content) {
    if (Status recorded = use_record(change, entry); !recorded.ok()) return recorded;
    if (entry.type != FileType::kFile) return layer_.add(entry);
    if (change.first_name.empty()) return layer_.add(entry, content);
    entry.type = FileType::kHardlink;
    entry.link = change.first_name;
    entry.size = 0;
    entry.xattrs.clear();
    return layer_.add(entry);
  }

  // Fills in what the parent's record knows, and renews the record: it is about the file that is there now.
  Status use_record(const Change& change, Entry& entry) {
    const OwnerRecord* record = owners_.find(change.path);
    if (record == nullptr) return done();
    if (!change.same_file) {
      entry.type == FileType::kDirectory ? owners_.erase(change.path) : owners_.erase_tree(change.path);
      return done();
    }
    Result<Stat> before = stat_below(set_.before.get(), change.path);
    if (!before.ok()) return before.failure();
    apply_record(*record, before.value(), entry);
    OwnerRecord renewed{entry.path, entry.type, entry.mode, entry.uid, entry.gid, entry.rdev_major, entry.rdev_minor, record->xattrs};
    bool said = entry.type == type_of_mode(change.stat.mode) && entry.uid == change.stat.uid && entry.gid == change.stat.gid &&
                entry.mode == (change.stat.mode & 07777) && renewed.xattrs.empty();
    said ? owners_.erase(change.path) : owners_.set(std::move(renewed));
    return done();
  }

  const ChangeSet& set_;
  LayerWriter& layer_;
  Owners& owners_;
};

// The record of the parent's tree. A copied tree brought it along.
Result<Owners> owners_before(const Tree& tree) {
  if (tree.stacking == Stacking::kOverlay && tree.lowers.empty()) return Owners();
  Result<Fd> folder = open_folder(tree.stacking == Stacking::kCopy ? tree.active : tree.lowers.front(), ".");
  if (!folder.ok()) return folder.failure();
  return Owners::read_file(folder.value().get(), "owners");
}

Status write_owners(const Tree& tree, const Owners& owners) {
  Result<Fd> folder = open_folder(tree.active, ".");
  if (!folder.ok()) return folder.failure();
  return owners.write_file(folder.value().get(), "owners");
}

Result<PackReply> write_layer(const SealRequest& request, const ChangeSet& set, Owners& owners) {
  Result<std::unique_ptr<LayerWriter>> layer = LayerWriter::create(request.output, request.toc, request.options);
  if (!layer.ok()) return layer.failure();
  Sealing sealing(set, *layer.value(), owners);
  for (const Change& change : set.changes) {
    if (Status added = sealing.add(change); !added.ok()) return added.failure();
  }
  return layer.value()->finish();
}

}  // namespace

Result<std::string> handle_seal(Reader& body, Channel&) {
  Result<SealRequest> request = read_request(body);
  if (!request.ok()) return request.failure();
  Result<ChangeSet> set = find_changes(request.value().tree);
  if (!set.ok()) return set.failure();
  PackReply packed;
  if (set.value().count > 0) {
    Result<Owners> owners = owners_before(request.value().tree);
    if (!owners.ok()) return owners.failure();
    Result<PackReply> written = write_layer(request.value(), set.value(), owners.value());
    if (!written.ok()) return written.failure();
    packed = written.value();
    if (Status recorded = write_owners(request.value().tree, owners.value()); !recorded.ok()) return recorded.failure();
  }
  Writer reply;
  reply.u64(set.value().count);
  std::string encoded = encode(packed);
  reply.raw(encoded.data(), encoded.size());
  return reply.take();
}

}  // namespace tsbuild
