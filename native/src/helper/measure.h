// How much of the disk trees take, whoever owns what is in them.
#pragma once
#include <string>

#include "common/failure.h"
#include "common/wire.h"

namespace tsbuild {

class Channel;

// kMeasure: bytes list of absolute paths -> u64 list of the bytes that each takes on the disk with all that is in it, a file with several names once.
// The directory of a path is resolved as it is (it is ours); below, no symlink is followed and no mount is entered. What is gone, cannot be read or is
// moved meanwhile counts as far as it was seen: others may be at work in these trees.
Result<std::string> handle_measure(Reader& body, Channel& channel);

}  // namespace tsbuild
