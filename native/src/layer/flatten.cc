// The `flatten` request: a tar -> a folder of the caller's.
#include "layer/apply.h"
#include "layer/ops.h"
#include "layer/request-parts.h"

namespace tsbuild {

Result<std::string> handle_flatten(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  auto source = read_blob_source(r);
  if (!source.ok()) return source.failure();
  const std::string target = r.bytes();
  if (!r.finished()) return Failure{EPROTO, "flatten request", {}};
  auto blob = BlobReader::open(source.value().path, source.value().codec);
  if (!blob.ok()) return blob.failure();
  auto root = open_root(target);
  if (!root.ok()) return root.failure();
  ApplyOptions options;
  options.chown = false;
  options.whiteouts = false;
  options.devices = ApplyOptions::Devices::kSkip;
  auto reply = apply_layer(*blob.value(), root.value().get(), nullptr, options, cancel);
  if (!reply.ok()) return reply.failure();
  Writer w;
  w.u32(static_cast<uint32_t>(reply.value().skipped_devices));
  return w.take();
}

}  // namespace tsbuild
