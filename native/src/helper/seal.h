// kSeal: the change set of a tree -> a layer.
#pragma once
#include <string>

#include "common/failure.h"
#include "common/wire.h"

namespace tsbuild {

class Channel;

// Body: a tree, bytes output, bytes toc, pack options -> u64 changes, PackReply (all zero, and no files, without a change). `active/owners` is left
// as it is to be for the sealed tree. Fails with EINVAL "name of a whiteout" for a file whose name a layer cannot hold (.wh.*).
Result<std::string> handle_seal(Reader& body, Channel& channel);

}  // namespace tsbuild
