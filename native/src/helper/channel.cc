#include "channel.h"

#include "common/wire.h"

namespace tsbuild {

Status Channel::progress(uint64_t bytes) {
  Writer w;
  w.u64(bytes);
  return send(Kind::kProgress, w.view());
}

Status Channel::send(Kind kind, std::string_view body) { return write_all(fd(), encode_frame(id_, kind, body)); }

Result<std::optional<Frame>> Channel::receive() {
  for (;;) {
    Frame frame;
    if (reader_.next(frame)) return std::optional<Frame>(std::move(frame));
    if (reader_.broken()) return Failure{EPROTO, "frame", {}};
    Result<bool> more = reader_.fill(fd());
    if (!more.ok()) return more.failure();
    if (!more.value()) return std::optional<Frame>();
  }
}

}  // namespace tsbuild
