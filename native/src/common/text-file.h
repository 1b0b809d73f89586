// Small files of the kernel and of /etc.
#pragma once
#include <string>
#include <vector>

#include "fd.h"

namespace tsbuild {

constexpr size_t kMaxTextFile = 4 << 20;

// The whole file; EFBIG past kMaxTextFile.
Result<std::string> read_text_file(const std::string& path);
// One write(2): files in /proc take their value in one piece.
Status write_text_file(const std::string& path, const std::string& text);
std::vector<std::string> split(const std::string& text, char separator);

}  // namespace tsbuild
