#include <cstdio>
#include <cstring>

#include "layer/tar-format.h"

namespace tsbuild {
namespace {

char flag_of(FileType type) {
  switch (type) {
    case FileType::kFile:
      return '0';
    case FileType::kHardlink:
      return '1';
    case FileType::kSymlink:
      return '2';
    case FileType::kChar:
      return '3';
    case FileType::kBlock:
      return '4';
    case FileType::kDirectory:
      return '5';
    case FileType::kFifo:
      return '6';
    case FileType::kSocket:
      break;
  }
  return 0;
}

// Octal digits and a NUL. False when the value needs more digits than the field has.
template <size_t N>
bool put_octal(char (&field)[N], uint64_t value) {
  for (size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
  return value == 0;
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
void add_record(std::string& out, std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (rest + std::to_string(length).size() > length) length++;
  out.append(std::to_string(length)).append(" ").append(key).append("=").append(value).append("\n");
}

std::string pax_time(int64_t seconds, uint32_t nanoseconds) {
  // A time before 1970 with a fraction counts down from the next second: -1.75 is two seconds back and 0.25 on.
  const bool negative = seconds < 0 && nanoseconds > 0;
  const int64_t whole = negative ? seconds + 1 : seconds;
  const uint32_t fraction = negative ? 1'000'000'000 - nanoseconds : nanoseconds;
  char text[48];
  std::snprintf(text, sizeof text, "%s%lld.%09u", negative && whole == 0 ? "-" : "", static_cast<long long>(whole), fraction);
  std::string out = text;
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

// A long name is split at a slash into prefix and name where that works. False: it needs a pax record.
bool put_name(TarHeader& header, const std::string& name) {
  if (name.size() <= sizeof header.name) {
    std::memcpy(header.name, name.data(), name.size());
    return true;
  }
  if (name.size() <= sizeof header.prefix + 1 + sizeof header.name) {
    const size_t slash = name.find('/', name.size() - sizeof header.name - 1);
    if (slash != std::string::npos && slash > 0 && slash <= sizeof header.prefix && slash + 1 < name.size()) {
      std::memcpy(header.prefix, name.data(), slash);
      std::memcpy(header.name, name.data() + slash + 1, name.size() - slash - 1);
      return true;
    }
  }
  std::memcpy(header.name, name.data(), sizeof header.name);
  return false;
}

void seal(TarHeader& header) {
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::snprintf(header.checksum, sizeof header.checksum, "%06o", tar_checksum(header));
  header.checksum[7] = ' ';
}

void append(std::string& out, const TarHeader& header) { out.append(reinterpret_cast<const char*>(&header), sizeof header); }

void append_pax(std::string& out, const std::string& records) {
  TarHeader header{};
  std::memcpy(header.name, "PaxHeaders/x", 12);
  (void)put_octal(header.mode, 0644);
  (void)put_octal(header.uid, 0);
  (void)put_octal(header.gid, 0);
  (void)put_octal(header.size, records.size());  // below kMaxPaxHeader, so it fits, as do the constants
  (void)put_octal(header.mtime, 0);
  header.type = 'x';
  seal(header);
  append(out, header);
  out.append(records).append(tar_padding(records.size()), '\0');
}

Status check(const Entry& entry, const std::string& records) {
  if (flag_of(entry.type) == 0) return Failure{EINVAL, "a socket has no place in a layer", entry.path};
  if (entry.path.size() > kMaxPath || entry.link.size() > kMaxPath) return Failure{ENAMETOOLONG, "path too long for a layer", entry.path};
  if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos) return Failure{EINVAL, "NUL in a name", entry.path};
  for (const Xattr& xattr : entry.xattrs) {
    // '=' ends the key of a pax record, so a name that holds it cannot be written
    if (xattr.name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) return Failure{EINVAL, "xattr name " + xattr.name, entry.path};
    if (xattr.value.size() > kMaxXattr) return Failure{E2BIG, "xattr " + xattr.name + " too large for a layer", entry.path};
  }
  if (records.size() > kMaxPaxHeader) return Failure{E2BIG, "metadata too large for a layer", entry.path};
  return done();
}

}  // namespace

uint32_t tar_checksum(const TarHeader& header, bool as_signed) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&header);
  const size_t begin = offsetof(TarHeader, checksum), end = begin + sizeof header.checksum;
  uint32_t sum = 0;
  for (size_t i = 0; i < sizeof header; i++) {
    if (i >= begin && i < end) sum += ' ';
    else sum += as_signed ? static_cast<uint32_t>(static_cast<int8_t>(bytes[i])) : bytes[i];
  }
  return sum;
}

Result<std::string> tar_header_of(const Entry& entry) {
  TarHeader header{};
  std::string records;
  std::string name = entry.path;
  if (entry.type == FileType::kDirectory) name = name.empty() ? "./" : name + '/';
  const bool has_link = entry.type == FileType::kHardlink || entry.type == FileType::kSymlink;

  if (!put_name(header, name)) add_record(records, "path", name);
  if (has_link) {
    std::memcpy(header.link, entry.link.data(), std::min(entry.link.size(), sizeof header.link));
    if (entry.link.size() > sizeof header.link) add_record(records, "linkpath", entry.link);
  }
  (void)put_octal(header.mode, entry.mode & 07777);
  if (!put_octal(header.uid, entry.uid)) add_record(records, "uid", std::to_string(entry.uid)), (void)put_octal(header.uid, 0);
  if (!put_octal(header.gid, entry.gid)) add_record(records, "gid", std::to_string(entry.gid)), (void)put_octal(header.gid, 0);
  if (!put_octal(header.size, entry.size)) add_record(records, "size", std::to_string(entry.size)), (void)put_octal(header.size, 0);
  const bool plain_time = entry.mtime_nsec == 0 && entry.mtime_sec >= 0 && put_octal(header.mtime, static_cast<uint64_t>(entry.mtime_sec));
  if (!plain_time) {
    add_record(records, "mtime", pax_time(entry.mtime_sec, entry.mtime_nsec));
    const bool fits = entry.mtime_sec >= 0 && put_octal(header.mtime, static_cast<uint64_t>(entry.mtime_sec));
    if (!fits) (void)put_octal(header.mtime, 0);
  }
  if (entry.type == FileType::kChar || entry.type == FileType::kBlock) {
    if (!put_octal(header.rdev_major, entry.rdev_major) || !put_octal(header.rdev_minor, entry.rdev_minor)) return Failure{EINVAL, "device number", entry.path};
  }
  for (const Xattr& xattr : entry.xattrs) add_record(records, "SCHILY.xattr." + xattr.name, xattr.value);
  if (Status status = check(entry, records); !status.ok()) return status.failure();

  header.type = flag_of(entry.type);
  seal(header);
  std::string out;
  if (!records.empty()) append_pax(out, records);
  append(out, header);
  return out;
}

}  // namespace tsbuild
