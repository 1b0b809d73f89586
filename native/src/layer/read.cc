// The `read` request: a piece of the uncompressed tar of a layer.
#include "layer/ops.h"
#include "layer/request-parts.h"
#include "layer/tar-access.h"

namespace tsbuild {
namespace {
constexpr uint64_t kMaxRead = 16 << 20;
}

Result<std::string> handle_read(std::string_view body, const Cancel&) {
  Reader r(body);
  auto source = read_blob_source(r);
  if (!source.ok()) return source.failure();
  const uint64_t offset = r.u64(), size = r.u64();
  if (!r.finished()) return Failure{EPROTO, "read request", {}};
  if (size > kMaxRead) return Failure{EMSGSIZE, "read of more than 16 MiB", source.value().path};
  auto tar = TarAccess::open(source.value().path, source.value().codec, {});
  if (!tar.ok()) return tar.failure();
  std::string bytes(size, '\0');
  if (Status status = tar.value()->read(offset, bytes.data(), bytes.size()); !status.ok()) return status.failure();
  return bytes;
}

}  // namespace tsbuild
