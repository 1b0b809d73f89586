// Every request of the helper and who answers it. What each may do to the host, and why that is safe:
//
//   list, hash, read, index   read files below paths that Node named; they run with the caller's rights, or less
//   pack, clone, flatten      make new files at paths that Node named (O_EXCL, or below a folder by openat2)
//   lock                      opens one file that Node named and holds flock(2) on it
//   probe                     mounts in a mount namespace that ends with the request; makes folders below an empty one that Node named
//   begin, unpack, seal       read and write below the folders of one tree, by openat2 below its root; they mount only in their own namespace
//   measure                   reads names and sizes below folders of the store that Node named, by fd, without following links
//   remove                    removes folders of the store that Node named, by fd, without following links
//   step                      runs a stranger's command: see step.h
//
// Node is trusted (it is who started us); archives, trees and commands are not. A handler runs in a child of its own, the first process of its own
// pid namespace and in its own mount namespace (mount propagation is private), so killing it ends whatever it began.
#pragma once
#include <string>

#include "common/protocol.h"
#include "common/wire.h"
#include "channel.h"

namespace tsbuild {

using Handler = Result<std::string> (*)(Reader& body, Channel& channel);

enum class Mode : uint8_t { kServe, kPlain };

// Nothing for a kind that `mode` does not know.
Handler find_handler(Mode mode, Kind kind);
// Kinds that need no namespaces: answered by layer/ops.h and told of a cancel, so that they remove what they had begun to write.
bool is_plain(Kind kind);
Result<std::string> run_plain(Kind kind, std::string_view body, Channel& channel);

Result<std::string> handle_lock(Reader& body, Channel& channel);
Result<std::string> handle_probe(Reader& body, Channel& channel);
Result<std::string> handle_begin(Reader& body, Channel& channel);
Result<std::string> handle_unpack(Reader& body, Channel& channel);
Result<std::string> handle_step(Reader& body, Channel& channel);
Result<std::string> handle_seal(Reader& body, Channel& channel);
Result<std::string> handle_remove(Reader& body, Channel& channel);
Result<std::string> handle_measure(Reader& body, Channel& channel);

}  // namespace tsbuild
