#include "layer/toc.h"

namespace tsbuild {
namespace {
constexpr size_t kFlushAt = 64 << 10;
constexpr char kMagic[] = "TSBTOC\n";
constexpr size_t kHeaderSize = 1 + 7 + 8 + 32 + 8;

std::string header(const Digest& diff_id, uint64_t tar_size, uint64_t count) {
  Writer w;
  w.u8(1);
  w.raw(kMagic, 7);
  w.u64(tar_size);
  w.raw(diff_id.data(), diff_id.size());
  w.u64(count);
  return w.take();
}
}  // namespace

Result<std::unique_ptr<TocWriter>> TocWriter::create(const std::string& path) {
  auto file = NewFile::create(path);
  if (!file.ok()) return file.failure();
  std::unique_ptr<TocWriter> toc(new TocWriter(std::move(file.value())));
  toc->position_ = kHeaderSize;  // written last, when the digest is known
  return toc;
}

Status TocWriter::add(const Entry& entry, uint64_t offset, const Digest* content) {
  Writer& w = buffer_;
  w.bytes(entry.path);
  w.u8(static_cast<uint8_t>(entry.type));
  w.u32(entry.mode);
  w.u32(entry.uid);
  w.u32(entry.gid);
  w.u64(entry.size);
  w.i64(entry.mtime_sec);
  w.u32(entry.mtime_nsec);
  w.bytes(entry.link);
  w.u32(entry.rdev_major);
  w.u32(entry.rdev_minor);
  w.u64(offset);
  w.u8(content != nullptr ? 1 : 0);
  if (content != nullptr) w.raw(content->data(), content->size());
  w.u32(static_cast<uint32_t>(entry.xattrs.size()));
  for (const Xattr& xattr : entry.xattrs) {
    w.bytes(xattr.name);
    w.bytes(xattr.value);
  }
  count_++;
  return w.view().size() >= kFlushAt ? flush() : done();
}

Status TocWriter::flush() {
  const std::string bytes = buffer_.take();
  buffer_ = Writer();
  const uint64_t at = position_;
  position_ += bytes.size();
  return pwrite_all(file_.fd(), bytes.data(), bytes.size(), at, file_.path());
}

Status TocWriter::finish(const Digest& diff_id, uint64_t tar_size) {
  if (Status status = flush(); !status.ok()) return status;
  const std::string head = header(diff_id, tar_size, count_);
  if (Status status = pwrite_all(file_.fd(), head.data(), head.size(), 0, file_.path()); !status.ok()) return status;
  return file_.keep();
}

}  // namespace tsbuild
