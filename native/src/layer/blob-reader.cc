#include "layer/blob-reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "common/new-file.h"
#include "common/thread.h"
#include "layer/codec.h"

namespace tsbuild {
namespace {

constexpr size_t kInputSize = 256 << 10;
// A blob may expand a thousandfold, or to 1 GiB whatever its size; above that it is taken for a bomb.
constexpr uint64_t kFreeExpansion = 1ull << 30;
constexpr uint64_t kMaxExpansion = 1000;

// A ring of pieces: inflaters fill them (members in any order, a stream in order), one thread hashes them in order, next() gives them out.
class RingReader final : public BlobReader {
 public:
  RingReader(Fd file, std::string path, Codec codec, uint64_t file_size, unsigned threads)
      : file_(std::move(file)), path_(std::move(path)), codec_(codec), file_size_(file_size), slots_(2 * threads + 4), streaming_(codec != Codec::kGzip) {}
  ~RingReader() override {
    {
      std::lock_guard guard(lock_);
      stopped_ = true;
      changed_.notify_all();
    }
    threads_.clear();  // joins them
  }
  Status start(unsigned inflaters);
  Result<std::string_view> next() override;
  Digest digest() override { return hash_.finish(); }
  uint64_t size() const override { return size_; }

 private:
  struct Slot {
    std::string bytes;
    size_t size = 0;
    bool ready = false;
  };
  Slot& slot(uint64_t piece) { return slots_[piece % slots_.size()]; }
  bool room() const { return assigned_ - std::min(hashed_, consumed_) < slots_.size(); }
  bool over() const { return stopped_ || !status_.ok(); }
  void inflate_members();
  void inflate_stream(uint64_t offset);
  void hash_loop();
  Result<uint32_t> member_at(uint64_t offset);
  Status decode_member(MemberDecoder& decoder, uint64_t offset, uint32_t size, std::string& input, Slot& slot);
  Slot* next_slot();
  bool publish(Slot& slot, size_t size);
  void fail(Failure failure);

  const Fd file_;
  const std::string path_;
  const Codec codec_;
  const uint64_t file_size_;
  std::vector<Slot> slots_;
  Sha256 hash_;

  std::mutex lock_;
  std::condition_variable changed_;
  uint64_t offset_ = 0;                                   // in the file, of the next member
  uint64_t assigned_ = 0, hashed_ = 0, consumed_ = 0;     // pieces
  uint64_t end_ = UINT64_MAX;                             // pieces in all, once known
  uint64_t size_ = 0;
  bool lent_ = false;  // the piece `consumed_` is in the caller's hands
  bool streaming_;
  bool stopped_ = false;
  Status status_ = done();
  std::vector<Thread> threads_;
};

Status RingReader::start(unsigned inflaters) {
  auto hasher = Thread::start([this] { hash_loop(); });
  if (!hasher.ok()) return hasher.failure();
  threads_.push_back(std::move(hasher.value()));
  if (streaming_) inflaters = 1;
  for (unsigned i = 0; i < inflaters; i++) {
    const bool stream = streaming_ && codec_ != Codec::kGzip;
    auto thread = Thread::start([this, stream] { stream ? inflate_stream(0) : inflate_members(); });
    if (!thread.ok() && i == 0) return thread.failure();
    if (!thread.ok()) break;  // fewer do the same work
    threads_.push_back(std::move(thread.value()));
  }
  return done();
}

Result<std::string_view> RingReader::next() {
  std::unique_lock guard(lock_);
  if (lent_) {
    consumed_++;
    lent_ = false;
    changed_.notify_all();
  }
  for (;;) {
    changed_.wait(guard, [&] { return !status_.ok() || (consumed_ < assigned_ && slot(consumed_).ready) || (consumed_ == end_ && hashed_ == end_); });
    if (!status_.ok()) return status_.failure();
    if (consumed_ == end_) return std::string_view();
    const Slot& piece = slot(consumed_);
    if (piece.size > 0) {
      lent_ = true;
      return std::string_view(piece.bytes.data(), piece.size);
    }
    consumed_++;  // an empty member
    changed_.notify_all();
  }
}

void RingReader::hash_loop() {
  std::unique_lock guard(lock_);
  for (;;) {
    changed_.wait(guard, [&] { return over() || (hashed_ < assigned_ && slot(hashed_).ready) || hashed_ == end_; });
    if (over() || hashed_ == end_) return;
    const Slot& piece = slot(hashed_);
    guard.unlock();
    hash_.update(piece.bytes.data(), piece.size);
    guard.lock();
    hashed_++;
    changed_.notify_all();
  }
}

// Size of our member at `offset`; 0 when there is none of ours.
Result<uint32_t> RingReader::member_at(uint64_t offset) {
  char head[kMemberHeader];
  auto size = pread_full(file_.get(), head, sizeof head, offset, path_);
  if (!size.ok()) return size.failure();
  const uint32_t member = gzip_member_size({head, size.value()});
  return member <= file_size_ - offset ? member : 0;
}

void RingReader::inflate_members() {
  MemberDecoder decoder;
  std::string input;
  std::unique_lock guard(lock_);
  for (;;) {
    changed_.wait(guard, [&] { return over() || streaming_ || end_ != UINT64_MAX || room(); });
    if (over() || streaming_ || end_ != UINT64_MAX) return;
    if (offset_ == file_size_ && offset_ > 0) {
      end_ = assigned_;
      return changed_.notify_all();
    }
    auto member = member_at(offset_);
    if (!member.ok()) return fail(std::move(member.failure()));
    if (member.value() == 0) {
      // Somebody else's gzip from here on: this thread goes on alone.
      streaming_ = true;
      const uint64_t offset = offset_;
      guard.unlock();
      return inflate_stream(offset);
    }
    const uint64_t offset = offset_;
    offset_ += member.value();
    Slot& mine = slot(assigned_++);
    mine.ready = false;
    guard.unlock();
    Status status = decode_member(decoder, offset, member.value(), input, mine);
    guard.lock();
    if (!status.ok()) return fail(std::move(status.failure()));
    size_ += mine.size;
    mine.ready = true;
    changed_.notify_all();
  }
}

Status RingReader::decode_member(MemberDecoder& decoder, uint64_t offset, uint32_t size, std::string& input, Slot& slot) {
  input.resize(size);
  slot.bytes.resize(kPieceSize);
  auto got = pread_full(file_.get(), input.data(), size, offset, path_);
  if (!got.ok()) return got.failure();
  auto content = decoder.decode(std::string_view(input).substr(0, got.value()), slot.bytes.data(), kPieceSize);
  if (!content.ok()) return Failure{content.failure().error, content.failure().call, path_};
  slot.size = content.value();
  return done();
}

// The next piece of a stream, once there is room; null when it is over.
RingReader::Slot* RingReader::next_slot() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [&] { return over() || room(); });
  if (over()) return nullptr;
  Slot& mine = slot(assigned_++);
  mine.ready = false;
  guard.unlock();
  mine.bytes.resize(kPieceSize);
  return &mine;
}

// False when the stream must not go on.
bool RingReader::publish(Slot& slot, size_t size) {
  std::lock_guard guard(lock_);
  slot.size = size;
  slot.ready = true;
  size_ += size;
  changed_.notify_all();
  if (size_ <= kFreeExpansion || size_ / kMaxExpansion <= file_size_) return true;
  fail(Failure{EFBIG, "expands more than a thousandfold", path_});
  return false;
}

void RingReader::inflate_stream(uint64_t offset) {
  const auto stop = [this](Failure failure) {
    std::lock_guard guard(lock_);
    fail(std::move(failure));
  };
  auto decoder = StreamDecoder::create(codec_);
  if (!decoder.ok()) return stop(Failure{decoder.failure().error, decoder.failure().call, path_});
  std::string input(kInputSize, '\0');
  std::string_view rest;
  bool eof = false;
  Slot* piece = next_slot();
  size_t have = 0;
  while (piece != nullptr) {
    if (rest.empty() && !eof) {
      auto size = pread_full(file_.get(), input.data(), input.size(), offset, path_);
      if (!size.ok()) return stop(std::move(size.failure()));
      offset += size.value();
      rest = std::string_view(input).substr(0, size.value());
      eof = rest.empty();
    }
    auto step = decoder.value()->decode(rest, piece->bytes.data() + have, kPieceSize - have);
    if (!step.ok()) return stop(Failure{step.failure().error, step.failure().call, path_});
    rest.remove_prefix(step.value().consumed);
    have += step.value().produced;
    const bool stuck = step.value().consumed == 0 && step.value().produced == 0;
    if (stuck && (!rest.empty() || (eof && !decoder.value()->at_end()))) return stop(Failure{EBADMSG, rest.empty() ? "compressed bytes end early" : "malformed compressed bytes", path_});
    const bool finished = stuck && eof;
    if (have < kPieceSize && !finished) continue;
    if (!publish(*piece, have)) return;
    if (finished) {
      std::lock_guard guard(lock_);
      end_ = assigned_;
      return changed_.notify_all();
    }
    piece = next_slot();
    have = 0;
  }
}

// With the lock held.
void RingReader::fail(Failure failure) {
  if (status_.ok()) status_ = std::move(failure);
  changed_.notify_all();
}

}  // namespace

Result<std::unique_ptr<BlobReader>> BlobReader::open(const std::string& path, Codec codec, uint32_t threads) {
  Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return errno_failure("open", path);
  return from_fd(std::move(file), path, codec, threads);
}

Result<std::unique_ptr<BlobReader>> BlobReader::from_fd(Fd file, const std::string& path, Codec codec, uint32_t threads) {
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return errno_failure("fstat", path);
  if (!S_ISREG(st.st_mode)) return Failure{0, "not a regular file", path};
  const unsigned inflaters = st.st_size < static_cast<off_t>(kInputSize) ? 1 : thread_count(threads);
  auto reader = std::make_unique<RingReader>(std::move(file), path, codec, static_cast<uint64_t>(st.st_size), inflaters);
  if (Status status = reader->start(inflaters); !status.ok()) return status.failure();
  return std::unique_ptr<BlobReader>(std::move(reader));
}

}  // namespace tsbuild
