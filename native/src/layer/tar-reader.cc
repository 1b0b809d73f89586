#include "layer/tar-reader.h"

#include <algorithm>
#include <cstring>

#include "layer/tar-parse.h"
#include "layer/xattr.h"

namespace tsbuild {
namespace {

constexpr int kMaxMetaHeaders = 16;  // before one entry

// A text field ends at its first NUL or where the field ends.
template <size_t N>
std::string_view text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}
template <size_t N>
std::optional<int64_t> number(const char (&field)[N]) {
  return parse_tar_number({field, N});
}

bool all_zero(const TarHeader& header) {
  static constexpr TarHeader kZero{};
  return std::memcmp(&header, &kZero, sizeof header) == 0;
}

bool checksum_holds(const TarHeader& header) {
  const auto want = number(header.checksum);
  return want && (*want == tar_checksum(header) || *want == tar_checksum(header, true));
}

std::optional<FileType> type_of_flag(char flag) {
  switch (flag) {
    case '0':
    case '\0':
    case '7':
      return FileType::kFile;
    case '1':
      return FileType::kHardlink;
    case '2':
      return FileType::kSymlink;
    case '3':
      return FileType::kChar;
    case '4':
      return FileType::kBlock;
    case '5':
      return FileType::kDirectory;
    case '6':
      return FileType::kFifo;
    default:
      return std::nullopt;
  }
}

std::string header_name(const TarHeader& header) {
  std::string name(text(header.name));
  // GNU headers ("ustar  ") keep other things where POSIX has the prefix.
  const bool posix = std::memcmp(header.magic, "ustar", sizeof header.magic) == 0;
  if (posix && header.prefix[0] != '\0') name = std::string(text(header.prefix)) + '/' + name;
  return name;
}

const std::string* find(const std::map<std::string, std::string>& records, const char* key) {
  auto found = records.find(key);
  return found == records.end() ? nullptr : &found->second;
}

// The number of a pax record where there is one, else that of the header.
std::optional<int64_t> pax_number(const std::map<std::string, std::string>& records, const char* key, std::optional<int64_t> value) {
  const std::string* record = find(records, key);
  if (record == nullptr) return value;
  const auto decimal = parse_decimal(*record);
  return decimal ? std::optional<int64_t>(static_cast<int64_t>(*decimal)) : std::nullopt;
}

}  // namespace

// Up to `most` bytes, at least one; empty at the end of the blob.
Result<std::string_view> TarReader::take(size_t most) {
  if (chunk_.empty()) {
    auto piece = blob_.next();
    if (!piece.ok()) return piece.failure();
    chunk_ = piece.value();
  }
  const std::string_view taken = chunk_.substr(0, most);
  chunk_.remove_prefix(taken.size());
  position_ += taken.size();
  return taken;
}

Result<bool> TarReader::read_block(TarHeader& header) {
  for (size_t have = 0; have < sizeof header;) {
    auto piece = take(sizeof header - have);
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) {
      if (have == 0) return false;
      return bad("tar ends inside a header");
    }
    std::memcpy(reinterpret_cast<char*>(&header) + have, piece.value().data(), piece.value().size());
    have += piece.value().size();
  }
  return true;
}

Status TarReader::skip(uint64_t size) {
  while (size > 0) {
    auto piece = take(size);
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) return bad("tar ends inside an entry");
    size -= piece.value().size();
  }
  return done();
}

Result<bool> TarReader::next() {
  if (Status status = skip(left_ + padding_); !status.ok()) return status.failure();
  left_ = padding_ = 0;
  entry_ = Entry();
  Extra extra;
  for (int metas = 0;; metas++) {
    TarHeader header;
    auto there = read_block(header);
    if (!there.ok()) return there.failure();
    if (!there.value() || all_zero(header)) {
      if (metas > 0) return bad("tar ends after an extended header");
      return false;
    }
    if (!checksum_holds(header)) return bad("wrong checksum of a tar header");
    if (metas == kMaxMetaHeaders) return bad("too many extended headers");
    if (header.type == 'x' || header.type == 'g') {
      auto records = read_meta(header, kMaxPaxHeader);
      if (!records.ok()) return records.failure();
      // Global records (git puts a comment there) are not applied, as no other layer reader does.
      std::map<std::string, std::string> global;
      if (!parse_pax_records(records.value(), header.type == 'x' ? extra.pax : global)) return bad("malformed pax header");
    } else if (header.type == 'L' || header.type == 'K') {
      auto name = read_meta(header, kMaxPath + 1);
      if (!name.ok()) return name.failure();
      if (!name.value().empty() && name.value().back() == '\0') name.value().pop_back();
      (header.type == 'L' ? extra.long_name : extra.long_link) = std::move(name.value());
    } else {
      if (Status status = read_entry(header, extra); !status.ok()) return status.failure();
      if (++count_ > kMaxEntries) return bad("more than 5 million entries");
      return true;
    }
  }
}

Result<std::string> TarReader::read_meta(const TarHeader& header, size_t limit) {
  const auto size = number(header.size);
  if (!size || *size < 0 || static_cast<uint64_t>(*size) > limit) return bad("extended header of an impossible size");
  std::string bytes;
  while (bytes.size() < static_cast<size_t>(*size)) {
    auto piece = take(static_cast<size_t>(*size) - bytes.size());
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) return bad("tar ends inside an extended header");
    bytes.append(piece.value());
  }
  if (Status status = skip(tar_padding(bytes.size())); !status.ok()) return status.failure();
  return bytes;
}

Status TarReader::read_entry(const TarHeader& header, Extra& extra) {
  if (Status status = read_names(header, extra); !status.ok()) return status;
  if (Status status = read_numbers(header, extra); !status.ok()) return status;
  if (Status status = read_xattrs(extra); !status.ok()) return status;
  offset_ = position_;
  left_ = entry_.size;
  padding_ = tar_padding(entry_.size);
  return done();
}

// Pax wins over GNU, GNU over the header.
Status TarReader::read_names(const TarHeader& header, const Extra& extra) {
  const std::string* pax_path = find(extra.pax, "path");
  const std::string raw = pax_path ? *pax_path : !extra.long_name.empty() ? extra.long_name : header_name(header);
  entry_.path = raw;  // for messages
  auto path = normal_path(raw);
  if (!path) return bad("a name that leaves the root");
  if (raw.size() > kMaxPath) return bad("a name longer than 4096 bytes");
  entry_.path = std::move(*path);
  if (Status status = read_type(header, extra, raw); !status.ok()) return status;

  if (entry_.type != FileType::kHardlink && entry_.type != FileType::kSymlink) return done();
  const std::string* pax_link = find(extra.pax, "linkpath");
  entry_.link = pax_link ? *pax_link : !extra.long_link.empty() ? extra.long_link : std::string(text(header.link));
  if (entry_.link.size() > kMaxPath) return bad("a link target longer than 4096 bytes");
  if (entry_.link.empty() || entry_.link.find('\0') != std::string::npos) return bad("a link without a target");
  if (entry_.type == FileType::kSymlink) return done();
  auto target = normal_path(entry_.link);
  if (!target || target->empty()) return bad("a hard link that leaves the root");
  entry_.link = std::move(*target);
  return done();
}

Status TarReader::read_type(const TarHeader& header, const Extra& extra, std::string_view raw_name) {
  const auto sparse = [](const auto& record) { return record.first.starts_with("GNU.sparse."); };
  if (header.type == 'S' || std::any_of(extra.pax.begin(), extra.pax.end(), sparse)) return bad("a sparse file");
  const auto type = type_of_flag(header.type);
  if (!type) return bad(std::string("an entry of type '") + (header.type >= ' ' && header.type <= '~' ? header.type : '?') + "'");
  // Before ustar a directory was told by the slash at its end.
  entry_.type = header.type == '\0' && raw_name.ends_with('/') ? FileType::kDirectory : *type;
  return done();
}

Status TarReader::read_numbers(const TarHeader& header, const Extra& extra) {
  const auto mode = number(header.mode), uid = pax_number(extra.pax, "uid", number(header.uid)), gid = pax_number(extra.pax, "gid", number(header.gid));
  if (!mode || !uid || !gid || *uid < 0 || *gid < 0 || *uid >= UINT32_MAX || *gid >= UINT32_MAX) return bad("an owner or mode that cannot be");
  entry_.mode = static_cast<uint32_t>(*mode) & 07777;
  entry_.uid = static_cast<uint32_t>(*uid);
  entry_.gid = static_cast<uint32_t>(*gid);

  const std::string* pax_time = find(extra.pax, "mtime");
  const auto header_time = number(header.mtime);
  const auto time = pax_time ? parse_pax_time(*pax_time) : header_time ? std::optional(TarTime{*header_time, 0}) : std::nullopt;
  if (!time) return bad("a time that cannot be");
  entry_.mtime_sec = time->sec;
  entry_.mtime_nsec = time->nsec;

  if (entry_.type == FileType::kChar || entry_.type == FileType::kBlock) {
    const auto major = number(header.rdev_major), minor = number(header.rdev_minor);
    if (!major || !minor || *major < 0 || *minor < 0 || *major > UINT32_MAX || *minor > UINT32_MAX) return bad("a device number that cannot be");
    entry_.rdev_major = static_cast<uint32_t>(*major);
    entry_.rdev_minor = static_cast<uint32_t>(*minor);
  }

  const auto size = pax_number(extra.pax, "size", number(header.size));
  if (!size || *size < 0 || static_cast<uint64_t>(*size) > kMaxTarNumber) return bad("a size that cannot be");
  // Only regular files have content, whatever the size field of another type says: archive/tar of Go, which most tools use, reads it so.
  if (entry_.type == FileType::kFile) entry_.size = static_cast<uint64_t>(*size);
  return done();
}

Status TarReader::read_xattrs(Extra& extra) {
  static constexpr std::string_view kXattr = "SCHILY.xattr.";
  for (auto& [key, value] : extra.pax) {
    if (!key.starts_with(kXattr)) continue;
    std::string name = key.substr(kXattr.size());
    if (name.empty() || value.size() > kMaxXattr) return bad("an xattr that cannot be");
    if (is_overlay_xattr(name)) {
      dropped_xattrs_++;
      continue;
    }
    if (name == "security.capability") value = portable_capability(std::move(value));
    entry_.xattrs.push_back({std::move(name), std::move(value)});
  }
  return done();
}

Result<std::string_view> TarReader::content() {
  if (left_ == 0) return std::string_view();
  auto piece = take(left_);
  if (!piece.ok()) return piece.failure();
  if (piece.value().empty()) return bad("tar ends inside an entry");
  left_ -= piece.value().size();
  return piece;
}

Result<Digest> TarReader::hash_content() {
  Sha256 hash;
  for (;;) {
    auto piece = content();
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) return hash.finish();
    hash.update(piece.value());
  }
}

Status TarReader::drain() {
  for (;;) {
    auto piece = take(SIZE_MAX);
    if (!piece.ok()) return piece.failure();
    if (piece.value().empty()) return done();
  }
}

}  // namespace tsbuild
