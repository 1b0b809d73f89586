// The requests that need no namespaces: list, hash, pack, index, clone, flatten, read. Bodies are described in native/requests.ts.
// Each may read what the caller may read and makes only the files the request names; a failed or cancelled one removes them again.
#pragma once
#include <atomic>
#include <string>
#include <string_view>

#include "common/failure.h"
#include "common/protocol.h"

namespace tsbuild {

// Set from any thread; a request that sees it ends with ECANCELED.
struct Cancel {
  std::atomic<bool> requested{false};
};
inline Status check_cancel(const Cancel& cancel) {
  if (cancel.requested.load(std::memory_order_relaxed)) return Failure{ECANCELED, "cancelled", {}};
  return done();
}

// Runs on any thread and may start threads of its own. ENOSYS for a kind that is not one of these, EPROTO for a body it cannot read.
Result<std::string> handle_plain(Kind kind, std::string_view body, const Cancel& cancel);

Result<std::string> handle_list(std::string_view body, const Cancel& cancel);
Result<std::string> handle_hash(std::string_view body, const Cancel& cancel);
Result<std::string> handle_pack(std::string_view body, const Cancel& cancel);
Result<std::string> handle_index(std::string_view body, const Cancel& cancel);
Result<std::string> handle_read(std::string_view body, const Cancel& cancel);
Result<std::string> handle_clone(std::string_view body, const Cancel& cancel);
Result<std::string> handle_flatten(std::string_view body, const Cancel& cancel);

}  // namespace tsbuild
