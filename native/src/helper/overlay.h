// Overlay mounts in a user namespace (overlayfs there: Linux 5.11), with the options that were measured to work unprivileged.
#pragma once
#include "common/failure.h"
#include "common/fd.h"
#include "helper/tree.h"

namespace tsbuild {

// Mounts lowers + active/fs on active/merged and gives its root (O_PATH|O_DIRECTORY). The work directory is made anew each time: "volatile"
// leaves a mark in it that forbids another mount, and with it any doubt whether an upper survived a power cut; within one boot the upper is
// whole in the page cache, and the snapshotter drops what another boot left.
Result<Fd> mount_overlay(const Tree& tree);

// The lowers alone, read-only, on active/lower: what a path was before. Works for one lower too.
Result<Fd> mount_lowers(const Tree& tree);

}  // namespace tsbuild
