// The work of apply_layer: one tree that is being changed by one layer.
//   apply.cc            the loop over the entries
//   applier-parents.cc  from a path of the archive to a descriptor of the directory it lies in
//   applier-nodes.cc    makes files, links, directories and nodes
//   applier-meta.cc     owners, modes, xattrs, times, and the record of what the tree cannot hold
//   applier-whiteouts.cc
#pragma once
#include <map>
#include <unordered_set>

#include "common/fd.h"
#include "layer/apply.h"
#include "layer/ops.h"
#include "layer/tar-reader.h"

namespace tsbuild {

class Applier {
 public:
  Applier(TarReader& tar, int root, const ApplyOptions& options, const Cancel& cancel);
  // Applies the current entry of the tar; `content` becomes the sha256 of a regular file's bytes.
  Status apply(Digest& content);
  // Modes and times of directories, which later entries would have changed.
  Status finish_directories();
  uint64_t skipped_devices() const { return skipped_devices_; }

 private:
  // A directory that the entry is in. `real` is its path below the root with every link resolved.
  struct Parent {
    std::string path;
    std::string real;
    Fd fd;
  };
  struct Owner {
    uint32_t uid = 0, gid = 0, mode = 0;  // as the tree gets them
    bool foreign = false;                 // not as the archive says
  };
  struct DirectoryMeta {
    uint32_t mode;
    timespec mtime;
  };

  // Null when it does not exist and `make` is false.
  Result<Parent*> parent(std::string_view path, bool make);
  Result<Fd> make_directories(std::string_view path);
  std::string real_path(int directory, std::string_view path) const;

  Status apply_root();
  void mark_made(std::string_view real);
  Status apply_whiteout(const std::string& name);
  Status clear_lower(const std::string& real);
  Status remove(const Parent& parent, const std::string& name, const std::string& real);

  Status make_node(const Parent& parent, const std::string& name, const std::string& real, Digest& content);
  Status make_file(const Parent& parent, const std::string& name, const std::string& real, Digest* content);
  Status write_content(int fd, Digest& content);
  Status make_directory(const Parent& parent, const std::string& name, const std::string& real);
  Status make_hardlink(const Parent& parent, const std::string& name, const std::string& real);
  Status make_symlink(const Parent& parent, const std::string& name, const std::string& real);
  Status make_special(const Parent& parent, const std::string& name, const std::string& real);
  // Runs a call that makes `name`; when something is there already, removes that and tries again.
  template <typename Call>
  Status make_room(const Parent& parent, const std::string& name, const std::string& real, const char* what, Call call);

  Result<Owner> owner_of(const Entry& entry) const;
  Status set_fd_meta(int fd, const Entry& entry, const std::string& real, bool times);
  Status set_node_meta(const Parent& parent, const std::string& name, const Entry& entry, const std::string& real);
  Status set_xattr(int result, const Xattr& xattr, std::vector<Xattr>& kept) const;
  Status set_fd_xattrs(int fd, std::vector<Xattr>& kept) const;
  void record(const Entry& entry, const Owner& owner, const std::string& real, std::vector<Xattr> kept, bool placeholder = false);
  Status drop_old_xattrs(int fd) const;

  TarReader& tar_;
  const int root_;
  const ApplyOptions& options_;
  const Cancel& cancel_;
  std::string root_real_;
  Parent parent_;
  bool parent_known_ = false;
  std::unordered_set<std::string> made_;   // real paths that this layer made or changed
  std::unordered_set<std::string> clean_;  // directories among them with nothing from below in them
  std::map<std::string, DirectoryMeta> directories_;
  uint64_t skipped_devices_ = 0;
};

}  // namespace tsbuild
