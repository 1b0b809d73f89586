#include "layer/tar-parse.h"

#include "layer/tar-format.h"

namespace tsbuild {
namespace {

std::optional<int64_t> parse_base256(std::string_view field) {
  const bool negative = (static_cast<uint8_t>(field[0]) & 0x40) != 0;
  // Two's complement over the field without its top bit.
  int64_t value = negative ? -1 : 0;
  for (size_t i = 0; i < field.size(); i++) {
    uint8_t byte = static_cast<uint8_t>(field[i]);
    if (i == 0) byte = negative ? byte | 0x80 : byte & 0x7f;
    if (value > (INT64_MAX >> 8) || value < (INT64_MIN >> 8)) return std::nullopt;
    value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8 | byte);
  }
  return value;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<int64_t> parse_tar_number(std::string_view field) {
  if (static_cast<uint8_t>(field[0]) & 0x80) return parse_base256(field);
  size_t i = 0;
  while (i < field.size() && field[i] == ' ') i++;
  uint64_t value = 0;
  for (; i < field.size() && field[i] != ' ' && field[i] != '\0'; i++) {
    if (field[i] < '0' || field[i] > '7' || value >= kMaxTarNumber >> 3) return std::nullopt;
    value = value << 3 | static_cast<uint64_t>(field[i] - '0');
  }
  for (; i < field.size(); i++) {
    if (field[i] != ' ' && field[i] != '\0') return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

std::optional<uint64_t> parse_decimal(std::string_view text) {
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c) || value >= kMaxTarNumber / 10) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

std::optional<TarTime> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t dot = text.find('.');
  const auto whole = parse_decimal(text.substr(0, dot));
  if (!whole) return std::nullopt;
  uint32_t nanoseconds = 0;
  bool more = false;
  if (dot != std::string_view::npos) {
    const std::string_view digits = text.substr(dot + 1);
    uint32_t scale = 100'000'000;
    for (const char c : digits) {
      if (!is_digit(c)) return std::nullopt;
      nanoseconds += static_cast<uint32_t>(c - '0') * scale;
      more = more || (scale == 0 && c != '0');
      scale /= 10;
    }
  }
  if (!negative) return TarTime{static_cast<int64_t>(*whole), nanoseconds};
  if (more) nanoseconds++;
  if (nanoseconds == 0) return TarTime{-static_cast<int64_t>(*whole), 0};
  return TarTime{-static_cast<int64_t>(*whole) - 1, 1'000'000'000 - nanoseconds};
}

bool parse_pax_records(std::string_view text, std::map<std::string, std::string>& records) {
  while (!text.empty()) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || space > 10) return false;
    const auto length = parse_decimal(text.substr(0, space));
    if (!length || *length > text.size() || *length < space + 3 || text[*length - 1] != '\n') return false;
    const std::string_view record = text.substr(space + 1, *length - space - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return false;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key.find('\0') != std::string_view::npos) return false;
    if (value.empty() && !key.starts_with("SCHILY.xattr.")) records.erase(std::string(key));
    else records[std::string(key)] = value;
    text.remove_prefix(*length);
  }
  return true;
}

std::optional<std::string> normal_path(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) return std::nullopt;
  std::string path;
  while (!name.empty()) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      if (!path.empty()) path += '/';
      path += part;
      continue;
    }
    if (path.empty()) return std::nullopt;
    const size_t cut = path.rfind('/');
    path.resize(cut == std::string::npos ? 0 : cut);
  }
  return path;
}

}  // namespace tsbuild
