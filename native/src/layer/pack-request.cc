// The `pack` request: reads its entries and feeds them, in order, to a LayerWriter.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "common/fd.h"
#include "common/wire.h"
#include "layer/ops.h"
#include "layer/pack.h"
#include "layer/request-parts.h"
#include "layer/tar-access.h"

namespace tsbuild {
namespace {

struct Request {
  std::string output, toc;
  PackOptions options;
  std::vector<Fd> roots;
  std::vector<std::unique_ptr<TarAccess>> blobs;
};

struct Source {
  enum Kind : uint8_t { kNone, kFile, kInline, kBlob } kind = kNone;
  uint32_t index = 0;
  std::string path;
  std::optional<Digest> want;
  std::string_view bytes;
  uint64_t offset = 0;
};

Status read_head(Reader& r, Request& request) {
  request.output = r.bytes();
  request.toc = r.bytes();
  if (Status status = read_pack_options(r, request.options); !status.ok()) return status;
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) {
    auto root = open_root(r.bytes());
    if (!root.ok()) return root.failure();
    request.roots.push_back(std::move(root.value()));
  }
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) {
    auto source = read_blob_source(r);
    if (!source.ok()) return source.failure();
    auto blob = TarAccess::open(source.value().path, source.value().codec, std::string(parent_folder(request.output)));
    if (!blob.ok()) return blob.failure();
    request.blobs.push_back(std::move(blob.value()));
  }
  return r.bad() ? Status(Failure{EPROTO, "pack request", {}}) : done();
}

Status read_entry(Reader& r, Entry& entry, Source& source) {
  entry.path = r.bytes();
  const uint8_t type = r.u8();
  if (type > static_cast<uint8_t>(FileType::kSocket)) return Failure{EPROTO, "pack request", {}};
  entry.type = static_cast<FileType>(type);
  entry.mode = r.u32();
  entry.uid = r.u32();
  entry.gid = r.u32();
  entry.mtime_sec = r.i64();
  entry.mtime_nsec = r.u32();
  entry.link = r.bytes();
  entry.rdev_major = r.u32();
  entry.rdev_minor = r.u32();
  entry.xattrs.clear();
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) {
    std::string name = r.bytes();
    entry.xattrs.push_back({std::move(name), r.bytes()});
  }
  entry.size = r.u64();
  source = Source();
  const uint8_t kind = r.u8();
  source.kind = static_cast<Source::Kind>(kind);
  if (kind == Source::kFile) {
    source.index = r.u32();
    source.path = r.bytes();
    const std::string_view want = r.view();
    if (want.size() == sizeof(Digest)) std::copy(want.begin(), want.end(), reinterpret_cast<char*>(source.want.emplace().data()));
    else if (!want.empty()) return Failure{EPROTO, "pack request", {}};
  } else if (kind == Source::kInline) {
    source.bytes = r.view();
  } else if (kind == Source::kBlob) {
    source.index = r.u32();
    source.offset = r.u64();
  }
  return r.bad() || kind > Source::kBlob ? Status(Failure{EPROTO, "pack request", {}}) : done();
}

Status add_file(LayerWriter& writer, const Entry& entry, const Source& source, const Request& request) {
  if (source.index >= request.roots.size()) return Failure{EPROTO, "pack request", {}};
  auto file = open_source_file(request.roots[source.index].get(), source.path);
  if (!file.ok()) return file.failure();
  struct stat st{};
  if (::fstat(file.value().get(), &st) != 0) return errno_failure("fstat", source.path);
  if (!S_ISREG(st.st_mode)) return Failure{0, "not a regular file", source.path};
  if (static_cast<uint64_t>(st.st_size) != entry.size) return Failure{0, "changed while it was read", source.path};
  return writer.add(entry, file.value().get(), source.want ? &*source.want : nullptr);
}

Status add_from_blob(LayerWriter& writer, const Entry& entry, const Source& source, Request& request, const Cancel& cancel) {
  if (source.index >= request.blobs.size()) return Failure{EPROTO, "pack request", {}};
  if (Status status = writer.begin_content(entry); !status.ok()) return status;
  std::string buffer;
  for (uint64_t at = 0; at < entry.size; at += buffer.size()) {
    if (Status status = check_cancel(cancel); !status.ok()) return status;
    buffer.resize(std::min<uint64_t>(entry.size - at, 1 << 20));
    if (Status status = request.blobs[source.index]->read(source.offset + at, buffer.data(), buffer.size()); !status.ok()) return status;
    if (Status status = writer.write_content(buffer); !status.ok()) return status;
  }
  return writer.end_content();
}

Status add(LayerWriter& writer, const Entry& entry, const Source& source, Request& request, const Cancel& cancel) {
  switch (source.kind) {
    case Source::kNone:
      return writer.add(entry);
    case Source::kFile:
      return add_file(writer, entry, source, request);
    case Source::kInline:
      return writer.add(entry, source.bytes);
    case Source::kBlob:
      return add_from_blob(writer, entry, source, request, cancel);
  }
  return Failure{EPROTO, "pack request", {}};
}

}  // namespace

Result<std::string> handle_pack(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  Request request;
  if (Status status = read_head(r, request); !status.ok()) return status.failure();
  auto writer = LayerWriter::create(request.output, request.toc, request.options);
  if (!writer.ok()) return writer.failure();
  Entry entry;
  Source source;
  for (uint32_t left = r.count(); left > 0; left--) {
    if (Status status = check_cancel(cancel); !status.ok()) return status.failure();
    if (Status status = read_entry(r, entry, source); !status.ok()) return status.failure();
    if (Status status = add(*writer.value(), entry, source, request, cancel); !status.ok()) return status.failure();
  }
  if (!r.finished()) return Failure{EPROTO, "pack request", {}};
  auto reply = writer.value()->finish();
  if (!reply.ok()) return reply.failure();
  return encode(reply.value());
}

}  // namespace tsbuild
