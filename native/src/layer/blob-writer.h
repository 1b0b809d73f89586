// tar bytes -> pieces of 1 MiB -> sha256 of the tar (in order) and codec (any order) -> sha256 and file (in order).
// A ring of pieces bounds the memory. Threads start with the second piece, so a small layer costs none.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "common/new-file.h"
#include "common/thread.h"
#include "layer/codec.h"
#include "layer/pack.h"

namespace tsbuild {

class BlobWriter {
 public:
  static Result<std::unique_ptr<BlobWriter>> create(const std::string& output, const PackOptions& options);
  ~BlobWriter();
  Status write(std::string_view bytes);
  Status write_zeros(size_t size);
  Result<PackReply> finish();

 private:
  struct Slot {
    std::string in, out;
    bool encoded = false;
  };
  BlobWriter(NewFile file, Codec codec, unsigned threads);
  Status hand_over();
  bool start_threads();
  Status process_inline(Slot& slot);
  Status store(const Slot& slot);
  void hash_loop();
  void encode_loop(PieceEncoder& encoder);
  void store_loop();
  void fail(Failure failure);
  void stop();
  Slot& slot(uint64_t piece) { return slots_[piece % slots_.size()]; }

  NewFile file_;
  const Codec codec_;
  std::vector<std::unique_ptr<PieceEncoder>> encoders_;
  std::vector<Slot> slots_;
  Sha256 tar_hash_, blob_hash_;
  uint64_t tar_size_ = 0, blob_size_ = 0;

  std::mutex lock_;
  std::condition_variable changed_;
  uint64_t filled_ = 0, taken_ = 0, hashed_ = 0, stored_ = 0;  // pieces that each stage is through with
  bool closed_ = false;
  bool inline_ = false;
  Status status_ = done();
  std::vector<Thread> threads_;
};

}  // namespace tsbuild
