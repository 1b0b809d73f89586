// kUnpack: a layer -> a begun tree.
#pragma once
#include <string>

#include "common/failure.h"
#include "common/wire.h"

namespace tsbuild {

class Channel;

// Body: a tree, bytes blob, u8 codec, bytes toc -> IndexReply. Applies the layer onto the merged root, and keeps in `active/owners` what neither this
// layer's tree nor the parent's can say. The caller compares the diffID; whatever was unpacked when it differs is to be removed.
Result<std::string> handle_unpack(Reader& body, Channel& channel);

}  // namespace tsbuild
