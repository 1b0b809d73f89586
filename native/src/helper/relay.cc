#include "relay.h"

#include <poll.h>

#include <algorithm>
#include <optional>

#include "common/wire.h"

namespace tsbuild {

constexpr size_t kPiece = 64 << 10;

class Relay {
 public:
  Relay(Channel& channel, StepPipes pipes) : channel_(channel), pipes_(std::move(pipes)) {}
  Result<Ended> run(const Fd& process);

 private:
  Status take_from_node();
  Status take_from(Fd& pipe, Kind kind);
  Status feed();
  Status acknowledge(size_t bytes);

  Channel& channel_;
  StepPipes pipes_;
  uint32_t credit_ = kStreamWindow;  // bytes of output Node still takes
  std::string input_;                // for the command, at most a window
  bool input_over_ = false;
};

Result<Ended> Relay::run(const Fd& process) {
  std::optional<Ended> ended;
  while (!ended || pipes_.out.valid() || pipes_.err.valid()) {
    bool may_read = credit_ > 0;
    pollfd fds[] = {{channel_.fd(), POLLIN, 0},
                    {ended ? -1 : process.get(), POLLIN, 0},
                    {may_read ? pipes_.out.get() : -1, POLLIN, 0},
                    {may_read ? pipes_.err.get() : -1, POLLIN, 0},
                    {input_.empty() ? -1 : pipes_.in.get(), POLLOUT, 0}};
    if (::poll(fds, 5, -1) < 0) {
      if (errno == EINTR) continue;
      return errno_failure("poll");
    }
    Status status = done();
    if (fds[0].revents != 0) status = take_from_node();
    if (status.ok() && fds[2].revents != 0) status = take_from(pipes_.out, Kind::kStdout);
    if (status.ok() && fds[3].revents != 0) status = take_from(pipes_.err, Kind::kStderr);
    if (status.ok() && fds[4].revents != 0) status = feed();
    if (!status.ok()) return status.failure();
    if (fds[1].revents == 0) continue;
    Result<Ended> end = wait_for(process);
    if (!end.ok()) return end;
    ended = end.value();
  }
  return *ended;
}

Status Relay::take_from_node() {
  Result<bool> more = channel_.fill();
  if (!more.ok()) return more.failure();
  if (!more.value()) return Failure{EPIPE, "channel", {}};
  Frame frame;
  while (channel_.next(frame)) {
    if (frame.kind == Kind::kCredit) {
      Reader r(frame.body);
      credit_ = static_cast<uint32_t>(std::min<uint64_t>(kStreamWindow, uint64_t{credit_} + r.u32()));
    } else if (frame.kind == Kind::kStdin) {
      if (frame.body.empty()) input_over_ = true;
      if (!pipes_.in.valid()) {  // the command reads no more; Node need not know
        Status status = acknowledge(frame.body.size());
        if (!status.ok()) return status;
      } else {
        input_ += frame.body;
      }
    }
  }
  if (input_.empty() && input_over_) pipes_.in.reset();
  return done();
}

Status Relay::take_from(Fd& pipe, Kind kind) {
  if (credit_ == 0) return done();  // the other stream has just used it up
  char buffer[kPiece];
  ssize_t n = ::read(pipe.get(), buffer, std::min<size_t>(kPiece, credit_));
  if (n < 0 && errno == EINTR) return done();
  if (n < 0) return errno_failure("read", "output");
  if (n == 0) {
    pipe.reset();
    return done();
  }
  credit_ -= static_cast<uint32_t>(n);
  return channel_.send(kind, std::string_view(buffer, static_cast<size_t>(n)));
}

Status Relay::feed() {
  ssize_t n = ::write(pipes_.in.get(), input_.data(), input_.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return done();
  if (n < 0 && errno != EPIPE) return errno_failure("write", "input");
  size_t taken = n < 0 ? input_.size() : static_cast<size_t>(n);
  input_.erase(0, taken);
  if (n < 0 || (input_.empty() && input_over_)) pipes_.in.reset();
  return acknowledge(taken);
}

Status Relay::acknowledge(size_t bytes) {
  if (bytes == 0) return done();
  Writer w;
  w.u32(static_cast<uint32_t>(bytes));
  return channel_.send(Kind::kCredit, w.view());
}

Result<Ended> relay(Channel& channel, const Fd& process, StepPipes pipes) { return Relay(channel, std::move(pipes)).run(process); }

}  // namespace tsbuild
