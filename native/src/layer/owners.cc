#include "layer/owners.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/new-file.h"
#include "common/wire.h"

namespace tsbuild {
namespace {
constexpr uint8_t kFormat = 1;
constexpr off_t kMaxFile = 1 << 30;
Failure broken() { return Failure{EBADMSG, "owners file is damaged", {}}; }
}  // namespace

const OwnerRecord* Owners::find(const std::string& path) const {
  auto found = records_.find(path);
  return found == records_.end() ? nullptr : &found->second;
}

void Owners::erase_below(const std::string& path) {
  if (path.empty()) {
    std::erase_if(records_, [](const auto& item) { return !item.first.empty(); });
    return;
  }
  const std::string first = path + '/', last = path + static_cast<char>('/' + 1);
  records_.erase(records_.lower_bound(first), records_.lower_bound(last));
}

void Owners::erase_tree(const std::string& path) {
  erase_below(path);
  erase(path);
}

std::string Owners::encode() const {
  Writer w;
  w.u8(kFormat);
  w.u32(static_cast<uint32_t>(records_.size()));
  for (const auto& [path, record] : records_) {
    w.bytes(path);
    w.u8(static_cast<uint8_t>(record.type));
    w.u32(record.mode);
    w.u32(record.uid);
    w.u32(record.gid);
    w.u32(record.rdev_major);
    w.u32(record.rdev_minor);
    w.u32(static_cast<uint32_t>(record.xattrs.size()));
    for (const Xattr& xattr : record.xattrs) {
      w.bytes(xattr.name);
      w.bytes(xattr.value);
    }
  }
  return w.take();
}

Result<Owners> Owners::decode(std::string_view bytes) {
  Reader r(bytes);
  if (r.u8() != kFormat) return broken();
  Owners owners;
  for (uint32_t left = r.count(); left > 0 && !r.bad(); left--) {
    OwnerRecord record;
    record.path = r.bytes();
    const uint8_t type = r.u8();
    if (type > static_cast<uint8_t>(FileType::kSocket)) return broken();
    record.type = static_cast<FileType>(type);
    record.mode = r.u32();
    record.uid = r.u32();
    record.gid = r.u32();
    record.rdev_major = r.u32();
    record.rdev_minor = r.u32();
    for (uint32_t xattrs = r.count(); xattrs > 0 && !r.bad(); xattrs--) {
      std::string name = r.bytes();
      record.xattrs.push_back({std::move(name), r.bytes()});
    }
    owners.set(std::move(record));
  }
  if (!r.finished()) return broken();
  return owners;
}

Result<Owners> Owners::read_file(int directory, const std::string& name) {
  Fd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) return Owners();
  if (!file.valid()) return errno_failure("openat", name);
  struct stat st{};
  if (::fstat(file.get(), &st) != 0) return errno_failure("fstat", name);
  if (!S_ISREG(st.st_mode) || st.st_size > kMaxFile) return broken();
  std::string bytes(static_cast<size_t>(st.st_size), '\0');
  auto size = read_full(file.get(), bytes.data(), bytes.size(), name);
  if (!size.ok()) return size.failure();
  if (size.value() != bytes.size()) return broken();
  return decode(bytes);
}

Status Owners::write_file(int directory, const std::string& name) const {
  if (empty()) {
    if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) return errno_failure("unlinkat", name);
    return done();
  }
  const std::string temporary = name + ".new", bytes = encode();
  if (::unlinkat(directory, temporary.c_str(), 0) != 0 && errno != ENOENT) return errno_failure("unlinkat", temporary);
  Fd file(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return errno_failure("openat", temporary);
  if (Status status = write_all(file.get(), bytes.data(), bytes.size(), temporary); !status.ok()) return status;
  if (::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) return errno_failure("renameat", name);
  return done();
}

}  // namespace tsbuild
