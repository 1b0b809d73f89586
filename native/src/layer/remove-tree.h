// Removing by descriptor.
#pragma once
#include <string>

#include "common/failure.h"

namespace tsbuild {

// Removes `name` in `parent` and all below it, following no link, with a fixed number of descriptors and in linear time.
// Already gone is fine. For trees that nobody else changes meanwhile.
Status remove_tree(int parent, const std::string& name);

}  // namespace tsbuild
