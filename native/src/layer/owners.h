// What a tree cannot say about its files: ids outside the id map, device nodes, xattrs that the kernel refuses.
// Kept by path in the file `owners` beside the tree; in the tree stands an empty regular file (for a device), or the file with owner 0:0.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "layer/entry.h"

namespace tsbuild {

struct OwnerRecord {
  std::string path;
  FileType type = FileType::kFile;
  uint32_t mode = 0;
  uint32_t uid = 0, gid = 0;
  uint32_t rdev_major = 0, rdev_minor = 0;
  std::vector<Xattr> xattrs;  // only those that the tree does not hold
};

class Owners {
 public:
  void set(OwnerRecord record) { records_[record.path] = std::move(record); }
  const OwnerRecord* find(const std::string& path) const;
  void erase(const std::string& path) { records_.erase(path); }
  // Forgets `path` and all below it.
  void erase_tree(const std::string& path);
  // Forgets all below `path`, not itself.
  void erase_below(const std::string& path);
  bool empty() const { return records_.empty(); }
  const std::map<std::string, OwnerRecord>& records() const { return records_; }

  // The file's bytes: u8 format 1, u32 count, entries sorted by path (see requests.ts for how integers and bytes are written).
  std::string encode() const;
  // EBADMSG when they are not that.
  static Result<Owners> decode(std::string_view bytes);

  // A file that is not there is an empty record. `directory` is a borrowed fd, `name` a plain name in it.
  static Result<Owners> read_file(int directory, const std::string& name);
  // Written to a temporary name and renamed; an empty record removes the file.
  Status write_file(int directory, const std::string& name) const;

 private:
  std::map<std::string, OwnerRecord> records_;
};

}  // namespace tsbuild
