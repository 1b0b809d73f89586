#include "layer/blob-writer.h"

#include <algorithm>

namespace tsbuild {

BlobWriter::BlobWriter(NewFile file, Codec codec, unsigned threads) : file_(std::move(file)), codec_(codec), slots_(2 * threads + 4) {}

Result<std::unique_ptr<BlobWriter>> BlobWriter::create(const std::string& output, const PackOptions& options) {
  const unsigned threads = thread_count(options.threads);
  std::vector<std::unique_ptr<PieceEncoder>> encoders;
  for (unsigned i = 0; i < (options.codec == Codec::kNone ? 1 : threads); i++) {
    auto encoder = PieceEncoder::create(options.codec, options.level);
    if (!encoder.ok()) return encoder.failure();
    encoders.push_back(std::move(encoder.value()));
  }
  auto file = NewFile::create(output);
  if (!file.ok()) return file.failure();
  std::unique_ptr<BlobWriter> writer(new BlobWriter(std::move(file.value()), options.codec, threads));
  writer->encoders_ = std::move(encoders);
  return writer;
}

BlobWriter::~BlobWriter() { stop(); }

Status BlobWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::string& in = slot(filled_).in;
    const size_t take = std::min(bytes.size(), kPieceSize - in.size());
    if (in.capacity() < kPieceSize && in.size() + take > in.capacity()) in.reserve(filled_ > 0 ? kPieceSize : std::min(kPieceSize, 2 * (in.size() + take)));
    in.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    tar_size_ += take;
    if (in.size() < kPieceSize) continue;
    if (Status status = hand_over(); !status.ok()) return status;
  }
  return done();
}

Status BlobWriter::write_zeros(size_t size) {
  static constexpr char kZeros[1024] = {};
  while (size > 0) {
    const size_t take = std::min(size, sizeof kZeros);
    if (Status status = write({kZeros, take}); !status.ok()) return status;
    size -= take;
  }
  return done();
}

// The piece being filled goes to the threads; returns when the next slot is free.
Status BlobWriter::hand_over() {
  if (!inline_ && threads_.empty()) inline_ = !start_threads();
  if (inline_) return process_inline(slot(filled_));
  std::unique_lock guard(lock_);
  filled_++;
  changed_.notify_all();
  changed_.wait(guard, [&] { return !status_.ok() || filled_ - std::min(hashed_, stored_) < slots_.size(); });
  if (!status_.ok()) return status_;
  slot(filled_).in.clear();
  slot(filled_).encoded = false;
  return done();
}

bool BlobWriter::start_threads() {
  std::vector<std::function<void()>> loops{[this] { hash_loop(); }, [this] { store_loop(); }};
  if (codec_ != Codec::kNone) {
    for (auto& encoder : encoders_) loops.push_back([this, &encoder] { encode_loop(*encoder); });
  }
  for (auto& loop : loops) {
    auto thread = Thread::start(std::move(loop));
    if (thread.ok()) {
      threads_.push_back(std::move(thread.value()));
      continue;
    }
    // Too many threads on this machine: do it all on this one.
    stop();
    closed_ = false;
    return false;
  }
  return true;
}

Status BlobWriter::process_inline(Slot& slot) {
  tar_hash_.update(slot.in);
  if (codec_ != Codec::kNone) {
    if (Status status = encoders_[0]->encode(slot.in, slot.out); !status.ok()) return status;
  }
  if (Status status = store(slot); !status.ok()) return status;
  slot.in.clear();
  return done();
}

Status BlobWriter::store(const Slot& slot) {
  const std::string& bytes = codec_ == Codec::kNone ? slot.in : slot.out;
  if (codec_ != Codec::kNone) blob_hash_.update(bytes);  // uncompressed, the digest is the diffID
  blob_size_ += bytes.size();
  return write_all(file_.fd(), bytes.data(), bytes.size(), file_.path());
}

void BlobWriter::hash_loop() {
  std::unique_lock guard(lock_);
  for (;;) {
    changed_.wait(guard, [&] { return !status_.ok() || hashed_ < filled_ || closed_; });
    if (!status_.ok() || hashed_ == filled_) return;
    Slot& mine = slot(hashed_);
    guard.unlock();
    tar_hash_.update(mine.in);
    guard.lock();
    hashed_++;
    changed_.notify_all();
  }
}

void BlobWriter::encode_loop(PieceEncoder& encoder) {
  std::unique_lock guard(lock_);
  for (;;) {
    changed_.wait(guard, [&] { return !status_.ok() || taken_ < filled_ || closed_; });
    if (!status_.ok() || taken_ == filled_) return;
    Slot& mine = slot(taken_++);
    guard.unlock();
    Status status = encoder.encode(mine.in, mine.out);
    guard.lock();
    if (!status.ok()) return fail(std::move(status.failure()));
    mine.encoded = true;
    changed_.notify_all();
  }
}

void BlobWriter::store_loop() {
  std::unique_lock guard(lock_);
  const bool plain = codec_ == Codec::kNone;
  for (;;) {
    changed_.wait(guard, [&] { return !status_.ok() || (stored_ < filled_ ? plain || slot(stored_).encoded : closed_); });
    if (!status_.ok() || stored_ == filled_) return;
    const Slot& mine = slot(stored_);
    guard.unlock();
    Status status = store(mine);
    guard.lock();
    if (!status.ok()) return fail(std::move(status.failure()));
    stored_++;
    changed_.notify_all();
  }
}

// With the lock held.
void BlobWriter::fail(Failure failure) {
  if (status_.ok()) status_ = std::move(failure);
  changed_.notify_all();
}

void BlobWriter::stop() {
  {
    std::lock_guard guard(lock_);
    closed_ = true;
    changed_.notify_all();
  }
  threads_.clear();  // joins them
}

Result<PackReply> BlobWriter::finish() {
  Slot& last = slot(filled_);
  if (threads_.empty()) {
    if (!last.in.empty()) {
      if (Status status = process_inline(last); !status.ok()) return status.failure();
    }
  } else {
    {
      std::lock_guard guard(lock_);
      if (!last.in.empty()) filled_++;
    }
    stop();
    if (!status_.ok()) return status_.failure();
  }
  PackReply reply;
  reply.diff_id = tar_hash_.finish();
  reply.tar_size = tar_size_;
  reply.digest = codec_ == Codec::kNone ? reply.diff_id : blob_hash_.finish();
  reply.blob_size = blob_size_;
  if (Status status = file_.keep(); !status.ok()) return status.failure();
  return reply;
}

}  // namespace tsbuild
