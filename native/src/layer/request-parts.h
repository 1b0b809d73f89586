// Pieces that several request bodies share.
#pragma once
#include <string>
#include <string_view>

#include "common/failure.h"
#include "common/fd.h"
#include "common/wire.h"
#include "layer/entry.h"
#include "layer/pack.h"

namespace tsbuild {

struct BlobSource {
  std::string path;
  Codec codec = Codec::kNone;
};
// u8 codec, else EPROTO.
Result<Codec> read_codec(Reader& r);
Result<BlobSource> read_blob_source(Reader& r);
Status read_pack_options(Reader& r, PackOptions& options);

// A folder that the caller names; links on the way to it are the caller's own.
Result<Fd> open_root(const std::string& path);
// A file below a root to be read, never through a symlink, never waiting for the other end of a fifo.
Result<Fd> open_source_file(int root, const std::string& path);
// "/a/b" -> "/a"; a name without a folder -> ".".
std::string_view parent_folder(std::string_view path);

}  // namespace tsbuild
