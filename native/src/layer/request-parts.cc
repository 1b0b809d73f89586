#include "layer/request-parts.h"

namespace tsbuild {

Result<Codec> read_codec(Reader& r) {
  const uint8_t code = r.u8();
  if (r.bad() || code > static_cast<uint8_t>(Codec::kXz)) return Failure{EPROTO, "codec of a request", {}};
  return static_cast<Codec>(code);
}

Result<BlobSource> read_blob_source(Reader& r) {
  BlobSource source;
  source.path = r.bytes();
  auto codec = read_codec(r);
  if (!codec.ok()) return codec.failure();
  source.codec = codec.value();
  return source;
}

Status read_pack_options(Reader& r, PackOptions& options) {
  auto codec = read_codec(r);
  if (!codec.ok()) return codec.failure();
  options.codec = codec.value();
  options.level = r.u32();
  options.threads = r.u32();
  const bool clamped = r.u8() != 0;
  const int64_t clamp = r.i64();
  if (clamped) options.clamp = clamp;
  return done();
}

Result<Fd> open_root(const std::string& path) {
  Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return errno_failure("open", path);
  return root;
}

Result<Fd> open_source_file(int root, const std::string& path) {
  return open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

std::string_view parent_folder(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return path.substr(0, slash == 0 ? 1 : slash);
}

}  // namespace tsbuild
