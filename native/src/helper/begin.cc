#include "helper/begin.h"

#include <sys/stat.h>

#include "helper/copy.h"
#include "helper/metadata-walk.h"
#include "layer/owners.h"

namespace tsbuild {
namespace {

Result<Fd> make_root(const std::string& active) {
  std::string path = active + "/fs";
  if (mkdir(path.c_str(), 0755) != 0) return errno_failure("mkdir", path);
  // The umask took its part of the mode, and this mode becomes the one of "/" in the image.
  if (chmod(path.c_str(), 0755) != 0) return errno_failure("chmod", path);
  return open_folder(active, "fs");
}

Status copy_owners(const std::string& from, const std::string& to) {
  Result<Fd> source = open_folder(from, ".");
  if (!source.ok()) return source.failure();
  Result<Owners> owners = Owners::read_file(source.value().get(), "owners");
  if (!owners.ok()) return owners.failure();
  Result<Fd> target = open_folder(to, ".");
  if (!target.ok()) return target.failure();
  return owners.value().write_file(target.value().get(), "owners");
}

Status write_walk(int root, const std::string& active) {
  Result<Marks> marks = mark_tree(root);
  if (!marks.ok()) return marks.failure();
  return write_marks(marks.value(), active + "/walk");
}

Status copy_parent(const std::string& parent, const std::string& active, int root) {
  Result<Fd> from = open_folder(parent, "fs");
  if (!from.ok()) return from.failure();
  if (Status copied = copy_tree(from.value().get(), root); !copied.ok()) return copied;
  return copy_owners(parent, active);
}

}  // namespace

Status begin_tree(const Tree& tree) {
  Result<Fd> root = make_root(tree.active);
  if (!root.ok()) return root.failure();
  if (tree.stacking == Stacking::kCopy) {
    if (!tree.lowers.empty()) {
      if (Status copied = copy_parent(tree.lowers.front(), tree.active, root.value().get()); !copied.ok()) return copied;
    }
    return write_walk(root.value().get(), tree.active);
  }
  if (tree.lowers.empty()) return done();
  Result<Fd> top = open_folder(tree.lowers.front(), "fs");
  if (!top.ok()) return top.failure();
  return copy_directory_metadata(top.value().get(), root.value().get());
}

Result<std::string> handle_begin(Reader& body, Channel&) {
  Result<Tree> tree = read_tree(body);
  if (!tree.ok()) return tree.failure();
  if (!body.finished()) return Failure{EPROTO, "begin request", {}};
  if (Status begun = begin_tree(tree.value()); !begun.ok()) return begun.failure();
  return std::string();
}

}  // namespace tsbuild
