// The `index` request: a layer -> its diffID and table of contents, without extracting it.
#include "layer/apply.h"
#include "layer/ops.h"
#include "layer/request-parts.h"
#include "layer/tar-reader.h"

namespace tsbuild {

std::string encode(const IndexReply& reply) {
  Writer w;
  w.raw(reply.diff_id.data(), reply.diff_id.size());
  w.u64(reply.tar_size);
  return w.take();
}

Result<std::string> handle_index(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  auto source = read_blob_source(r);
  if (!source.ok()) return source.failure();
  const std::string toc_path = r.bytes();
  if (!r.finished()) return Failure{EPROTO, "index request", {}};
  auto blob = BlobReader::open(source.value().path, source.value().codec);
  if (!blob.ok()) return blob.failure();
  auto toc = TocWriter::create(toc_path);
  if (!toc.ok()) return toc.failure();

  TarReader tar(*blob.value());
  for (;;) {
    if (Status status = check_cancel(cancel); !status.ok()) return status.failure();
    auto more = tar.next();
    if (!more.ok()) return more.failure();
    if (!more.value()) break;
    const Entry& entry = tar.entry();
    const bool file = entry.type == FileType::kFile;
    Digest digest{};
    if (file) {
      auto content = tar.hash_content();
      if (!content.ok()) return content.failure();
      digest = content.value();
    }
    if (Status status = toc.value()->add(entry, tar.offset(), file ? &digest : nullptr); !status.ok()) return status.failure();
  }
  if (Status status = tar.drain(); !status.ok()) return status.failure();
  const IndexReply reply{blob.value()->digest(), blob.value()->size()};
  if (Status status = toc.value()->finish(reply.diff_id, reply.tar_size); !status.ok()) return status.failure();
  return encode(reply);
}

}  // namespace tsbuild
