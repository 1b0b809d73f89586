// The request loop: one thread, one socket to Node, one child process for each request.
#pragma once
#include "common/fd.h"
#include "handlers.h"

namespace tsbuild {

constexpr size_t kMaxRequests = 64;  // at once; one more is answered EAGAIN

// Serves until Node closes `node`, or until `launcher` (when given) reaches its end. Then every child is killed.
Status serve_requests(Mode mode, Fd node, Fd launcher, const Place& place);

}  // namespace tsbuild
