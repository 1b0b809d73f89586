#include "layer/tar-access.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "common/fd.h"
#include "common/new-file.h"
#include "layer/blob-reader.h"
#include "layer/codec.h"
#include "layer/piece-size.h"

namespace tsbuild {
namespace {

constexpr size_t kBufferSize = 256 << 10;

Failure too_short(const std::string& path) { return Failure{EBADMSG, "tar ends before the content asked for", path}; }

Status read_exactly(int fd, uint64_t offset, char* out, size_t size, const std::string& path) {
  auto got = pread_full(fd, out, size, offset, path);
  if (!got.ok()) return got.failure();
  return got.value() == size ? done() : Status(too_short(path));
}

// Pieces of ours, found by hopping; `foreign()` turns true when the blob turns out not to be ours.
class Pieces {
 public:
  Pieces(int file, std::string path, Codec codec, uint64_t file_size) : file_(file), path_(std::move(path)), codec_(codec), file_size_(file_size), foreign_(codec != Codec::kGzip && codec != Codec::kZstd) {}
  bool foreign() const { return foreign_; }

  // Makes `piece()` the piece with this number.
  Status load(uint64_t number) {
    if (loaded_ == number) return done();
    while (!foreign_ && known_.size() <= number) {
      if (Status status = hop(); !status.ok()) return status;
    }
    if (foreign_) return done();
    const auto [offset, size] = known_[number];
    std::string stored(size.stored, '\0');
    if (Status status = read_exactly(file_, offset, stored.data(), stored.size(), path_); !status.ok()) return status;
    bytes_.resize(size.content);
    loaded_ = UINT64_MAX;
    auto decoder = StreamDecoder::create(codec_);
    if (!decoder.ok()) return decoder.failure();
    auto step = decoder.value()->decode(stored, bytes_.data(), bytes_.size());
    if (!step.ok()) return Failure{step.failure().error, step.failure().call, path_};
    if (step.value().produced != size.content) return Failure{EBADMSG, "malformed compressed bytes", path_};
    loaded_ = number;
    return done();
  }
  std::string_view piece() const { return bytes_; }

 private:
  struct Known {
    uint64_t offset;
    PieceSize size;
  };

  Status hop() {
    const uint64_t at = known_.empty() ? 0 : known_.back().offset + known_.back().size.stored;
    if (at >= file_size_) {
      foreign_ = known_.empty();
      return foreign_ ? done() : Status(too_short(path_));
    }
    auto size = codec_ == Codec::kGzip ? gzip_member_at(file_, at, path_) : zstd_frame_at(file_, at, path_);
    if (!size.ok()) return size.failure();
    const uint64_t end = at + size.value().stored;
    // Ours is full pieces, and a shorter one only at the end.
    foreign_ = size.value().stored == 0 || size.value().content > kPieceSize || end > file_size_ || (size.value().content < kPieceSize && end != file_size_);
    if (!foreign_) known_.push_back({at, size.value()});
    return done();
  }

  const int file_;
  const std::string path_;
  const Codec codec_;
  const uint64_t file_size_;
  std::vector<Known> known_;
  std::string bytes_;
  uint64_t loaded_ = UINT64_MAX;
  bool foreign_;
};

class PlainAccess final : public TarAccess {
 public:
  PlainAccess(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Status read(uint64_t offset, char* out, size_t size) override { return read_exactly(file_.get(), offset, out, size, path_); }

 private:
  const Fd file_;
  const std::string path_;
};

class CompressedAccess final : public TarAccess {
 public:
  CompressedAccess(Fd file, const std::string& path, Codec codec, uint64_t file_size, std::string spool)
      : file_(std::move(file)), path_(path), codec_(codec), spool_folder_(std::move(spool)), pieces_(file_.get(), path, codec, file_size) {}

  Status read(uint64_t offset, char* out, size_t size) override {
    while (size > 0 && !pieces_.foreign()) {
      if (Status status = pieces_.load(offset / kPieceSize); !status.ok()) return status;
      if (pieces_.foreign()) break;
      const size_t skip = offset % kPieceSize;
      if (skip >= pieces_.piece().size()) return too_short(path_);
      const std::string_view part = pieces_.piece().substr(skip, size);
      std::memcpy(out, part.data(), part.size());
      offset += part.size();
      out += part.size();
      size -= part.size();
    }
    if (size == 0) return done();
    return spool_folder_.empty() ? read_from_start(offset, out, size) : read_spooled(offset, out, size);
  }

 private:
  // Decodes to the end of what is asked for and no further: damage that comes later is for who reads it.
  Status read_from_start(uint64_t offset, char* out, size_t size) {
    auto decoder = StreamDecoder::create(codec_);
    if (!decoder.ok()) return Failure{decoder.failure().error, decoder.failure().call, path_};
    std::string input(kBufferSize, '\0'), content(kBufferSize, '\0');
    std::string_view rest;
    uint64_t input_at = 0, at = 0;
    while (size > 0) {
      if (rest.empty()) {
        auto got = pread_full(file_.get(), input.data(), input.size(), input_at, path_);
        if (!got.ok()) return got.failure();
        input_at += got.value();
        rest = std::string_view(input).substr(0, got.value());
      }
      auto step = decoder.value()->decode(rest, content.data(), content.size());
      if (!step.ok()) return Failure{step.failure().error, step.failure().call, path_};
      if (step.value().consumed == 0 && step.value().produced == 0) return rest.empty() ? too_short(path_) : Failure{EBADMSG, "malformed compressed bytes", path_};
      rest.remove_prefix(step.value().consumed);
      const std::string_view bytes = std::string_view(content).substr(0, step.value().produced);
      at += bytes.size();
      if (at <= offset) continue;
      const std::string_view part = bytes.substr(offset - (at - bytes.size()), size);
      std::memcpy(out, part.data(), part.size());
      offset += part.size();
      out += part.size();
      size -= part.size();
    }
    return done();
  }

  Status read_spooled(uint64_t offset, char* out, size_t size) {
    if (!spool_.valid()) {
      if (Status status = fill_spool(); !status.ok()) return status;
    }
    return read_exactly(spool_.get(), offset, out, size, path_);
  }

  Status fill_spool() {
    Fd spool(::open(spool_folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!spool.valid()) return errno_failure("open", spool_folder_);
    auto blob = reader();
    if (!blob.ok()) return blob.failure();
    for (;;) {
      auto piece = blob.value()->next();
      if (!piece.ok()) return piece.failure();
      if (piece.value().empty()) break;
      if (Status status = write_all(spool.get(), piece.value().data(), piece.value().size(), spool_folder_); !status.ok()) return status;
    }
    spool_ = std::move(spool);
    return done();
  }

  // The reader only ever uses positions of its own (pread), so the descriptor can be shared.
  Result<std::unique_ptr<BlobReader>> reader() {
    Fd copy(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.valid()) return errno_failure("fcntl", path_);
    return BlobReader::from_fd(std::move(copy), path_, codec_);
  }

  const Fd file_;
  const std::string path_;
  const Codec codec_;
  const std::string spool_folder_;
  Pieces pieces_;
  Fd spool_;
};

}  // namespace

Result<std::unique_ptr<TarAccess>> TarAccess::open(const std::string& path, Codec codec, const std::string& spool) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return errno_failure("open", path);
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return errno_failure("fstat", path);
  if (!S_ISREG(st.st_mode)) return Failure{0, "not a regular file", path};
  if (codec == Codec::kNone) return std::unique_ptr<TarAccess>(new PlainAccess(std::move(file), path));
  return std::unique_ptr<TarAccess>(new CompressedAccess(std::move(file), path, codec, static_cast<uint64_t>(st.st_size), spool));
}

}  // namespace tsbuild
