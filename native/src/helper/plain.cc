// Requests that need no namespaces, in a child process, and the lock.
#include <sys/file.h>

#include <thread>

#include "layer/ops.h"
#include "handlers.h"

namespace tsbuild {

// Ends when Node cancels, or when the connection does. The handler then removes what it had begun to write.
static void watch_for_cancel(Channel& channel, Cancel& cancel) {
  for (;;) {
    Result<std::optional<Frame>> frame = channel.receive();
    if (frame.ok() && frame.value() && frame.value()->kind != Kind::kCancel) continue;
    cancel.requested.store(true);
    return;
  }
}

Result<std::string> run_plain(Kind kind, std::string_view body, Channel& channel) {
  // The watcher waits in read(2) until the process ends, right after the reply; so it is never joined and this is never freed.
  Cancel& cancel = *new Cancel;
  std::thread(watch_for_cancel, std::ref(channel), std::ref(cancel)).detach();
  return handle_plain(kind, body, cancel);
}

Result<std::string> handle_lock(Reader& body, Channel& channel) {
  std::string path = body.bytes();
  int operation = body.u8() == 0 ? LOCK_SH : LOCK_EX;
  if (!body.finished()) return Failure{EPROTO, "lock", {}};
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
  if (!file.valid()) return errno_failure("open", path);
  if (::flock(file.get(), operation | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_failure("flock", path);
    Status waiting = channel.progress(0);
    if (!waiting.ok()) return waiting.failure();
    int rc;
    do rc = ::flock(file.get(), operation);
    while (rc != 0 && errno == EINTR);
    if (rc != 0) return errno_failure("flock", path);
  }
  Status held = channel.progress(1);
  if (!held.ok()) return held.failure();
  // Held until we are killed, or the connection ends.
  for (;;) {
    Result<std::optional<Frame>> frame = channel.receive();
    if (!frame.ok() || !frame.value()) return std::string();
  }
}

}  // namespace tsbuild
