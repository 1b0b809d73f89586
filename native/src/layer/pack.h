// Makes a layer in one pass: entries -> tar -> sha256 (diffID) -> codec -> sha256 (digest) -> file, with its table of contents on the side.
// Memory is bounded, and the bytes do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "layer/entry.h"
#include "layer/sha256.h"

namespace tsbuild {

struct PackOptions {
  Codec codec = Codec::kGzip;
  uint32_t level = 0;            // 0: the default of the codec
  uint32_t threads = 0;          // 0: the number of cores
  std::optional<int64_t> clamp;  // seconds; later mtimes are lowered to it
};

struct PackReply {
  Digest diff_id{};
  uint64_t tar_size = 0;
  Digest digest{};
  uint64_t blob_size = 0;
};
std::string encode(const PackReply& reply);

class BlobWriter;
class TocWriter;

// The pipeline. Both files are made O_EXCL and removed again unless finish() succeeded. The caller gives the entries in tar order.
class LayerWriter {
 public:
  // `toc` may be "": no table of contents.
  static Result<std::unique_ptr<LayerWriter>> create(const std::string& output, const std::string& toc, const PackOptions& options);
  ~LayerWriter();

  // An entry without content.
  Status add(const Entry& entry);
  // A regular file whose content is read from `content_fd`'s position: exactly entry.size bytes and then the end, else a Failure.
  // `want`: the content must have this sha256.
  Status add(const Entry& entry, int content_fd, const Digest* want = nullptr);
  Status add(const Entry& entry, std::string_view content);

  // For content that comes in pieces: begin, write exactly entry.size bytes, end.
  Status begin_content(const Entry& entry);
  Status write_content(std::string_view piece);
  Status end_content(const Digest* want = nullptr);

  Result<PackReply> finish();

 private:
  LayerWriter();

  std::optional<int64_t> clamp_;
  std::unique_ptr<BlobWriter> blob_;
  std::unique_ptr<TocWriter> toc_;
  Entry current_;
  std::string buffer_;
  uint64_t offset_ = 0;
  uint64_t left_ = 0;
  Sha256 content_;
};

}  // namespace tsbuild
