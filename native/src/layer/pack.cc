#include "layer/pack.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/wire.h"
#include "layer/blob-writer.h"
#include "layer/tar-format.h"
#include "layer/toc.h"

namespace tsbuild {
namespace {
constexpr size_t kReadSize = 256 << 10;
}

LayerWriter::LayerWriter() = default;
LayerWriter::~LayerWriter() = default;

Result<std::unique_ptr<LayerWriter>> LayerWriter::create(const std::string& output, const std::string& toc, const PackOptions& options) {
  std::unique_ptr<LayerWriter> writer(new LayerWriter());
  writer->clamp_ = options.clamp;
  auto blob = BlobWriter::create(output, options);
  if (!blob.ok()) return blob.failure();
  writer->blob_ = std::move(blob.value());
  if (toc.empty()) return writer;
  auto contents = TocWriter::create(toc);
  if (!contents.ok()) return contents.failure();
  writer->toc_ = std::move(contents.value());
  return writer;
}

Status LayerWriter::add(const Entry& entry) {
  if (Status status = begin_content(entry); !status.ok()) return status;
  return end_content();
}

Status LayerWriter::add(const Entry& entry, std::string_view content) {
  if (content.size() != entry.size) return Failure{EINVAL, "size of the content", entry.path};
  if (Status status = begin_content(entry); !status.ok()) return status;
  if (Status status = write_content(content); !status.ok()) return status;
  return end_content();
}

Status LayerWriter::add(const Entry& entry, int content_fd, const Digest* want) {
  if (Status status = begin_content(entry); !status.ok()) return status;
  // One byte more than the size, so that a file that grew shows at its first read.
  const size_t want_size = std::min<uint64_t>(entry.size + 1, kReadSize);
  if (buffer_.size() < want_size) buffer_.resize(want_size);
  for (;;) {
    const ssize_t size = ::read(content_fd, buffer_.data(), want_size);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno_failure("read", entry.path);
    if (size == 0) break;
    if (static_cast<uint64_t>(size) > left_) return Failure{0, "changed while it was read", entry.path};
    if (Status status = write_content({buffer_.data(), static_cast<size_t>(size)}); !status.ok()) return status;
  }
  if (left_ > 0) return Failure{0, "changed while it was read", entry.path};
  return end_content(want);
}

Status LayerWriter::begin_content(const Entry& entry) {
  if (entry.type != FileType::kFile && entry.size > 0) return Failure{EINVAL, "content of something that is no file", entry.path};
  current_ = entry;
  if (clamp_ && current_.mtime_sec >= *clamp_) {
    current_.mtime_sec = *clamp_;
    current_.mtime_nsec = 0;
  }
  auto header = tar_header_of(current_);
  if (!header.ok()) return header.failure();
  offset_ += header.value().size();
  left_ = entry.size;
  content_ = Sha256();
  return blob_->write(header.value());
}

Status LayerWriter::write_content(std::string_view piece) {
  if (piece.size() > left_) return Failure{EINVAL, "size of the content", current_.path};
  left_ -= piece.size();
  content_.update(piece);
  return blob_->write(piece);
}

Status LayerWriter::end_content(const Digest* want) {
  if (left_ > 0) return Failure{EINVAL, "size of the content", current_.path};
  const bool file = current_.type == FileType::kFile;
  Digest digest{};
  if (file) digest = content_.finish();
  if (file && want != nullptr && digest != *want) return Failure{0, "changed since it was hashed", current_.path};
  if (toc_) {
    if (Status status = toc_->add(current_, offset_, file ? &digest : nullptr); !status.ok()) return status;
  }
  const uint64_t padding = tar_padding(current_.size);
  offset_ += current_.size + padding;
  return blob_->write_zeros(padding);
}

Result<PackReply> LayerWriter::finish() {
  if (Status status = blob_->write_zeros(2 * kTarBlock); !status.ok()) return status.failure();
  auto reply = blob_->finish();
  if (!reply.ok() || !toc_) return reply;
  if (Status status = toc_->finish(reply.value().diff_id, reply.value().tar_size); !status.ok()) return status.failure();
  return reply;
}

std::string encode(const PackReply& reply) {
  Writer w;
  w.raw(reply.diff_id.data(), reply.diff_id.size());
  w.u64(reply.tar_size);
  w.raw(reply.digest.data(), reply.digest.size());
  w.u64(reply.blob_size);
  return w.take();
}

}  // namespace tsbuild
