#include "helper/tree.h"

#include "helper/overlay.h"

namespace tsbuild {

Result<Tree> read_tree(Reader& body) {
  Tree tree;
  uint8_t stacking = body.u8();
  tree.stacking = static_cast<Stacking>(stacking);
  uint32_t count = body.count();
  for (uint32_t i = 0; i < count && !body.bad(); i++) tree.lowers.push_back(body.bytes());
  tree.active = body.bytes();
  if (body.bad() || stacking > static_cast<uint8_t>(Stacking::kCopy)) return Failure{EPROTO, "tree request", {}};
  if (tree.lowers.size() > kMaxLowers) return Failure{E2BIG, "too many lower directories", std::to_string(tree.lowers.size())};
  if (tree.stacking == Stacking::kCopy && tree.lowers.size() > 1) return Failure{EPROTO, "a copied tree has one parent", tree.active};
  return tree;
}

Result<Fd> open_folder(const std::string& folder, const char* name) {
  std::string path = folder + "/" + name;
  Fd fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno_failure("open", path);
  return fd;
}

Result<MountedTree> mount_tree(const Tree& tree) {
  if (tree.stacking == Stacking::kOverlay && !tree.lowers.empty()) {
    Result<Fd> root = mount_overlay(tree);
    if (!root.ok()) return root.failure();
    return MountedTree{std::move(root.value())};
  }
  Result<Fd> root = open_folder(tree.active, "fs");
  if (!root.ok()) return root.failure();
  return MountedTree{std::move(root.value())};
}

}  // namespace tsbuild
