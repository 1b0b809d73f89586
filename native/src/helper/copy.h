// Copies a whole tree, so that the copy cannot be told from it: for places where trees cannot be stacked.
#pragma once
#include "common/failure.h"

namespace tsbuild {

// Copies what is below `from`, and the metadata of `from` itself, into the empty directory `to`. Kept are types, modes, ids, xattrs, mtimes, holes
// and hard links. File contents are shared where the file system can (FICLONE), else copied in the kernel. Both are borrowed directory fds;
// nobody else may write in either meanwhile.
Status copy_tree(int from, int to);

// Gives the directory `to` mode, owner, xattrs (but those of overlayfs) and times of the directory `from`.
Status copy_directory_metadata(int from, int to);

}  // namespace tsbuild
