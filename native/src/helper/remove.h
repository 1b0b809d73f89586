// Removes whole trees, whoever owns what is in them.
#pragma once
#include <string>

#include "common/failure.h"
#include "common/wire.h"

namespace tsbuild {

class Channel;

// Removes the file or directory `path` with all that is in it; a path that is gone already is fine. The directory of `path` is resolved as it is
// (it is ours), its last name and everything below is reached by descriptors only: no symlink is followed and no mount is entered.
// Needs a few descriptors whatever the depth, and time linear in the number of names.
Status remove_tree(const std::string& path);

// kRemove: bytes list of absolute paths -> empty reply. Every path is tried; the first failure is the answer.
Result<std::string> handle_remove(Reader& body, Channel& channel);

}  // namespace tsbuild
