#include "common/directory.h"
#include "layer/applier.h"

namespace tsbuild {

// image-spec v1.1, layer.md, "Whiteouts": they apply to what lies below, never to what this layer made, whatever the order.
Status Applier::apply_whiteout(const std::string& name) {
  const std::string& path = tar_.entry().path;
  const bool opaque = name == ".wh..wh..opq";
  const std::string target = name.substr(4);
  if (!opaque && (target.empty() || target == "." || target == ".." || target.starts_with(".wh."))) return Failure{EBADMSG, "a whiteout of nothing", path};
  auto where = parent(parent_of(path), false);
  if (!where.ok()) return where.failure();
  if (where.value() == nullptr) return done();  // nothing below to hide
  const Parent& parent = *where.value();
  if (opaque) return clear_lower(parent.real);
  const std::string real = join_path(parent.real, target);
  return made_.contains(real) ? clear_lower(real) : remove(parent, target, real);
}

// Removes what is not of this layer from a directory of it. Each directory is gone through once, so nested markers stay linear.
Status Applier::clear_lower(const std::string& top) {
  std::vector<std::string> todo{top};
  while (!todo.empty()) {
    if (Status status = check_cancel(cancel_); !status.ok()) return status;
    const std::string real = std::move(todo.back());
    todo.pop_back();
    if (!clean_.insert(real).second) continue;
    auto fd = open_in_root(root_, real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd.ok() && (fd.failure().error == ENOTDIR || fd.failure().error == ELOOP || fd.failure().error == ENOENT)) continue;  // no directory
    if (!fd.ok()) return fd.failure();
    auto names = read_names(fd.value().get(), real);
    if (!names.ok()) return names.failure();
    const Parent here{real, real, std::move(fd.value())};
    for (const auto& [name, type] : names.value()) {
      std::string child = join_path(real, name);
      if (made_.contains(child)) todo.push_back(std::move(child));
      else if (Status status = remove(here, name, child); !status.ok()) return status;
    }
  }
  return done();
}

}  // namespace tsbuild
