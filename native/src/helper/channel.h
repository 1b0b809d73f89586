// A request child's end of its connection to the loop. The loop passes the frames on to Node, after it has checked their kind and id.
// There is no "cancelled" here: a cancelled request child is killed, and with it everything in its pid and mount namespaces.
#pragma once
#include <optional>

#include "common/fd.h"
#include "common/frame.h"

namespace tsbuild {

// What was found when the helper started, the same for every request.
struct Place {
  enum class Ids : uint8_t { kNone, kOwn, kRanges, kSingle, kHost };
  Ids ids = Ids::kNone;    // kNone: plain mode; kHost: root without a user namespace
  std::string passed_over{};  // the better kinds of ids that were tried, and why each is not to be had: "ranges: no ranges for this user (/etc/subuid)"
  bool user_namespace() const { return ids != Ids::kNone && ids != Ids::kHost; }
};

class Channel {
 public:
  Channel(Fd socket, uint32_t id, Place place) : socket_(std::move(socket)), id_(id), place_(place) {}

  // Bytes done so far. Waits when Node is slow.
  Status progress(uint64_t bytes);
  // A frame of kind stdout, stderr, progress or credit. For stdout and stderr the caller keeps to the credit it was given.
  Status send(Kind kind, std::string_view body);
  // The next frame Node sent about this request (stdin, credit, cancel); nothing when the connection has ended. Waits.
  Result<std::optional<Frame>> receive();
  // A frame that is here already; for use after poll(2) of fd() and fill().
  bool next(Frame& frame) { return reader_.next(frame); }
  Result<bool> fill() { return reader_.fill(fd()); }
  int fd() const { return socket_.get(); }
  const Place& place() const { return place_; }

 private:
  Fd socket_;
  uint32_t id_;
  Place place_;
  FrameReader reader_{kStreamWindow};
};

}  // namespace tsbuild
