#include "layer/apply.h"

#include <limits.h>
#include <unistd.h>

#include "layer/applier.h"

namespace tsbuild {

Result<ApplyReply> apply_layer(BlobReader& blob, int root, TocWriter* toc, const ApplyOptions& options, const Cancel& cancel) {
  TarReader tar(blob);
  Applier applier(tar, root, options, cancel);
  for (;;) {
    if (Status status = check_cancel(cancel); !status.ok()) return status.failure();
    auto more = tar.next();
    if (!more.ok()) return more.failure();
    if (!more.value()) break;
    Digest content{};
    if (Status status = applier.apply(content); !status.ok()) return status.failure();
    if (toc == nullptr) continue;
    const bool file = tar.entry().type == FileType::kFile;
    if (Status status = toc->add(tar.entry(), tar.offset(), file ? &content : nullptr); !status.ok()) return status.failure();
  }
  if (Status status = applier.finish_directories(); !status.ok()) return status.failure();
  if (Status status = tar.drain(); !status.ok()) return status.failure();
  ApplyReply reply;
  reply.diff_id = blob.digest();
  reply.tar_size = blob.size();
  reply.dropped_xattrs = tar.dropped_xattrs();
  reply.skipped_devices = applier.skipped_devices();
  return reply;
}

Applier::Applier(TarReader& tar, int root, const ApplyOptions& options, const Cancel& cancel) : tar_(tar), root_(root), options_(options), cancel_(cancel) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(root);
  const ssize_t size = ::readlink(link.c_str(), path, sizeof path);
  if (size > 0) root_real_.assign(path, static_cast<size_t>(size));
}

Status Applier::apply(Digest& content) {
  const Entry& entry = tar_.entry();
  if (entry.path.empty()) return apply_root();
  const std::string name(name_of(entry.path));
  if (options_.whiteouts) {
    if (("/" + std::string(parent_of(entry.path))).find("/.wh.") != std::string::npos) return Failure{EBADMSG, "a file below a whiteout", entry.path};
    if (name.starts_with(".wh.")) {
      auto hash = tar_.hash_content();
      if (!hash.ok()) return hash.failure();
      content = hash.value();
      return apply_whiteout(name);
    }
  }
  auto where = parent(parent_of(entry.path), true);
  if (!where.ok()) return where.failure();
  const std::string real = join_path(where.value()->real, name);
  if (options_.whiteouts) mark_made(real);
  return make_node(*where.value(), name, real, content);
}

// With the directories above it: a whiteout of one of them must leave what this layer put there. Stops at what is marked already.
void Applier::mark_made(std::string_view real) {
  for (; !real.empty(); real = parent_of(real)) {
    if (!made_.emplace(real).second) return;
  }
}

Status Applier::make_node(const Parent& parent, const std::string& name, const std::string& real, Digest& content) {
  switch (tar_.entry().type) {
    case FileType::kFile:
      return make_file(parent, name, real, &content);
    case FileType::kHardlink:
      return make_hardlink(parent, name, real);
    case FileType::kSymlink:
      return make_symlink(parent, name, real);
    case FileType::kDirectory:
      return make_directory(parent, name, real);
    case FileType::kChar:
    case FileType::kBlock:
    case FileType::kFifo:
      return make_special(parent, name, real);
    case FileType::kSocket:
      break;
  }
  return Failure{EBADMSG, "a socket", tar_.entry().path};
}

// CVE-2021-29136: an archive whose root is a symlink. The root is there already; only its metadata can be set.
Status Applier::apply_root() {
  const Entry& entry = tar_.entry();
  if (entry.type != FileType::kDirectory) return Failure{EBADMSG, "a root that is no directory", "."};
  if (!options_.chown) return done();  // the folder is the caller's own
  auto fd = open_in_root(root_, {}, O_RDONLY | O_DIRECTORY);
  if (!fd.ok()) return fd.failure();
  if (Status status = drop_old_xattrs(fd.value().get()); !status.ok()) return status;
  return set_fd_meta(fd.value().get(), entry, {}, false);
}

}  // namespace tsbuild
