// The `hash` request: sha256 of many regular files below one root, with the stat data of the very bytes that were read.
#include <sys/stat.h>

#include <algorithm>

#include "common/new-file.h"
#include "common/thread.h"
#include "layer/ops.h"
#include "layer/request-parts.h"
#include "layer/sha256.h"

namespace tsbuild {
namespace {

constexpr size_t kReadSize = 256 << 10;

struct Hashed {
  Digest digest{};
  struct stat st{};
};

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

Result<Hashed> hash_file(int root, const std::string& path, const Cancel& cancel) {
  auto file = open_source_file(root, path);
  if (!file.ok()) return file.failure();
  const int fd = file.value().get();
  Hashed hashed;
  if (::fstat(fd, &hashed.st) != 0) return errno_failure("fstat", path);
  if (!S_ISREG(hashed.st.st_mode)) return Failure{0, "not a regular file", path};
  Sha256 hash;
  uint64_t total = 0;
  std::string buffer(std::min<size_t>(static_cast<size_t>(hashed.st.st_size) + 1, kReadSize), '\0');
  for (;;) {
    if (Status status = check_cancel(cancel); !status.ok()) return status.failure();
    auto size = read_full(fd, buffer.data(), buffer.size(), path);
    if (!size.ok()) return size.failure();
    hash.update(buffer.data(), size.value());
    total += size.value();
    if (size.value() < buffer.size()) break;
  }
  struct stat after{};
  if (::fstat(fd, &after) != 0) return errno_failure("fstat", path);
  if (!same_file(hashed.st, after) || total != static_cast<uint64_t>(after.st_size)) return Failure{0, "changed while it was read", path};
  hashed.digest = hash.finish();
  return hashed;
}

void write_hashed(Writer& w, const Hashed& hashed) {
  w.raw(hashed.digest.data(), hashed.digest.size());
  w.u64(static_cast<uint64_t>(hashed.st.st_size));
  w.i64(hashed.st.st_mtim.tv_sec);
  w.u32(static_cast<uint32_t>(hashed.st.st_mtim.tv_nsec));
  w.i64(hashed.st.st_ctim.tv_sec);
  w.u32(static_cast<uint32_t>(hashed.st.st_ctim.tv_nsec));
  w.u64(hashed.st.st_ino);
}

}  // namespace

Result<std::string> handle_hash(std::string_view body, const Cancel& cancel) {
  Reader r(body);
  auto root = open_root(r.bytes());
  std::vector<std::string> paths;
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) paths.push_back(r.bytes());
  if (!r.finished()) return Failure{EPROTO, "hash request", {}};
  if (!root.ok()) return root.failure();

  std::vector<Hashed> results(paths.size());
  const unsigned threads = std::min<size_t>(thread_count(0), paths.size());
  Status status = for_each_index(paths.size(), threads, [&](size_t i) -> Status {
    auto hashed = hash_file(root.value().get(), paths[i], cancel);
    if (!hashed.ok()) return hashed.failure();
    results[i] = hashed.value();
    return done();
  });
  if (!status.ok()) return status.failure();
  Writer reply;
  reply.u32(static_cast<uint32_t>(results.size()));
  for (const Hashed& hashed : results) write_hashed(reply, hashed);
  return reply.take();
}

}  // namespace tsbuild
