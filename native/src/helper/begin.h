// kBegin: the first request about a tree.
#pragma once
#include <string>

#include "common/failure.h"
#include "common/wire.h"
#include "helper/tree.h"

namespace tsbuild {

class Channel;

// Makes `active/fs` (the folder `active` is there already, and new). An upper gets mode, owner, xattrs and times of the topmost lower's root, since
// they become those of the merged root; a tree without a parent is an empty directory 0755 of root. For 'copy', all files of the parent are copied
// with its `owners`, and what they look like is kept in `active/walk`.
Status begin_tree(const Tree& tree);

// Body: a tree -> empty reply.
Result<std::string> handle_begin(Reader& body, Channel& channel);

}  // namespace tsbuild
