#include "helper/metadata-walk.h"

#include <time.h>

#include <algorithm>

#include "common/new-file.h"
#include "common/wire.h"

namespace tsbuild {
namespace {

constexpr uint8_t kFormat = 1;

// Waits until `newest` is in the past of the coarse clock, which is what file systems stamp with; the future (a clock set back) is not waited for.
void wait_for_next_tick(const timespec& newest) {
  constexpr timespec kPause = {0, 500'000};
  for (int i = 0; i < 40; i++) {
    timespec now;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return;
    if (now.tv_sec > newest.tv_sec || (now.tv_sec == newest.tv_sec && now.tv_nsec > newest.tv_nsec)) return;
    (void)nanosleep(&kPause, nullptr);  // a shorter pause after a signal only means one more round
  }
}

}  // namespace

Mark mark_of(const Stat& stat) {
  uint64_t size = stat.is_directory() ? 0 : stat.size;
  Mark mark{stat.inode, stat.ctime_sec, stat.birth_sec, stat.ctime_nsec, stat.birth_nsec, size, stat.mode};
  mark.uid = stat.uid;
  mark.gid = stat.gid;
  mark.rdev_major = stat.rdev_major;
  mark.rdev_minor = stat.rdev_minor;
  return mark;
}

Result<Marks> mark_tree(int root) {
  Marks marks;
  std::pair<int64_t, uint32_t> newest{0, 0};
  Status walked = walk_tree(root, [&](const std::string& path, const Stat& stat) -> Result<bool> {
    marks.emplace(path, mark_of(stat));
    newest = std::max(newest, {stat.ctime_sec, stat.ctime_nsec});
    return true;
  });
  if (!walked.ok()) return walked.failure();
  wait_for_next_tick({static_cast<time_t>(newest.first), static_cast<long>(newest.second)});
  return marks;
}

std::string encode_marks(const Marks& marks) {
  Writer w;
  w.u8(kFormat);
  w.u32(static_cast<uint32_t>(marks.size()));
  for (const auto& [path, mark] : marks) {
    w.bytes(path);
    w.u64(mark.inode);
    w.i64(mark.ctime_sec);
    w.i64(mark.birth_sec);
    w.u64(mark.size);
    for (uint32_t value : {mark.ctime_nsec, mark.birth_nsec, mark.mode, mark.uid, mark.gid, mark.rdev_major, mark.rdev_minor}) w.u32(value);
  }
  return w.take();
}

Result<Marks> decode_marks(std::string_view bytes) {
  Reader r(bytes);
  if (r.u8() != kFormat) return Failure{EBADMSG, "walk of a tree", {}};
  Marks marks;
  uint32_t count = r.count();
  marks.reserve(count);
  for (uint32_t i = 0; i < count && !r.bad(); i++) {
    std::string path = r.bytes();
    Mark& mark = marks[path];
    mark.inode = r.u64();
    mark.ctime_sec = r.i64();
    mark.birth_sec = r.i64();
    mark.size = r.u64();
    for (uint32_t* value : {&mark.ctime_nsec, &mark.birth_nsec, &mark.mode, &mark.uid, &mark.gid, &mark.rdev_major, &mark.rdev_minor}) *value = r.u32();
  }
  if (!r.finished()) return Failure{EBADMSG, "walk of a tree", {}};
  return marks;
}

Result<Marks> read_marks(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid()) return errno_failure("open", path);
  Result<Stat> stat = stat_at(file.get(), "");
  if (!stat.ok()) return stat.failure();
  std::string bytes(stat.value().size, '\0');
  Result<size_t> size = read_full(file.get(), bytes.data(), bytes.size(), path);
  if (!size.ok()) return size.failure();
  return decode_marks(std::string_view(bytes).substr(0, size.value()));
}

Status write_marks(const Marks& marks, const std::string& path) {
  Result<NewFile> file = NewFile::create(path);
  if (!file.ok()) return file.failure();
  std::string bytes = encode_marks(marks);
  if (Status written = write_all(file.value().fd(), bytes.data(), bytes.size(), path); !written.ok()) return written;
  return file.value().keep();
}

}  // namespace tsbuild
