// Reading a directory by descriptor.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"

namespace tsbuild {

struct DirectoryName {
  std::string name;
  uint8_t type = 0;  // DT_DIR, ..., DT_UNKNOWN where the file system does not say
};

// All names but "." and "..", in no order. `fd` is a directory opened for reading, at its start.
Result<std::vector<DirectoryName>> read_names(int fd, const std::string& path_for_messages);

}  // namespace tsbuild
