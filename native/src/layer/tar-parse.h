// The parts of a tar header, checked. Empty results mean: cannot be one.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "layer/entry.h"

namespace tsbuild {

// A numeric field: octal text, or base-256 with the top bit set (GNU).
std::optional<int64_t> parse_tar_number(std::string_view field);
// A decimal number of a pax record.
std::optional<uint64_t> parse_decimal(std::string_view text);
// "-1.25" -> seconds and nanoseconds, rounded down; digits past nanoseconds are cut.
struct TarTime {
  int64_t sec = 0;
  uint32_t nsec = 0;
};
std::optional<TarTime> parse_pax_time(std::string_view text);
// Adds the records "LENGTH KEY=VALUE\n" of a pax header; a later one of the same key replaces, an empty value deletes. False when malformed.
bool parse_pax_records(std::string_view text, std::map<std::string, std::string>& records);
// A name as it lies below the root: no leading or trailing slash, no "." and ".." left. Nothing when ".." leaves the root or a NUL is in it.
std::optional<std::string> normal_path(std::string_view name);

}  // namespace tsbuild
