#include "loop.h"

#include <poll.h>

#include <list>
#include <vector>

#include "request.h"
#include "spawn.h"

namespace tsbuild {

constexpr size_t kOutLimit = 1 << 20;                       // bytes for Node that wait, before we stop listening to the children
constexpr size_t kInLimit = kStreamWindow + (64 << 10);     // bytes for one child that wait: its stdin window, and room for credits

// A request that runs. It is over when its process has ended: only then are its mounts gone and its reply is passed on.
struct Request {
  uint32_t id;
  Kind kind;
  RequestChild child;
  FrameReader from_child{};
  OutQueue to_child{};
  std::string result{};  // the encoded reply or failure
  Failure killed{};      // why we killed it, when we did
  bool talks = true;     // its socket is open
};

class Loop {
 public:
  Loop(Mode mode, Fd node, Fd launcher, const Place& place) : mode_(mode), node_(std::move(node)), launcher_(std::move(launcher)), place_(place) {}
  Status run();

 private:
  void gather(std::vector<pollfd>& fds) const;
  Status take_from_node();
  Status handle(Frame& frame);
  void start(const Frame& frame);
  void pass_on(Request& request, const Frame& frame);
  void cancel(Request& request);
  void take_from_child(Request& request);
  bool accept(Request& request, const Frame& frame);
  void finish(Request& request);
  void kill(Request& request, Failure why);
  void fail(uint32_t id, const Failure& failure) { out_.add(encode_frame(id, Kind::kFailure, encode_failure(failure))); }

  Mode mode_;
  Fd node_;
  Fd launcher_;
  Place place_;
  FrameReader in_;
  OutQueue out_;
  std::list<Request> requests_;
  bool over_ = false;
};

Status Loop::run() {
  while (!over_) {
    std::vector<pollfd> fds;
    gather(fds);
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return errno_failure("poll");
    }
    if (fds[1].revents != 0) return done();  // the launcher died: so do we
    size_t i = 2;
    for (auto request = requests_.begin(); request != requests_.end(); i += 2) {
      if (fds[i].revents & (POLLIN | POLLHUP)) take_from_child(*request);
      if (request->talks && !request->to_child.flush(request->child.socket.get()).ok()) request->talks = false;
      auto next = std::next(request);
      if (fds[i + 1].revents != 0) {
        finish(*request);
        requests_.erase(request);
      }
      request = next;
    }
    if (fds[0].revents & (POLLIN | POLLHUP)) {
      Status taken = take_from_node();
      if (!taken.ok()) return taken;
    }
    Status flushed = out_.flush(node_.get());
    if (!flushed.ok()) return done();  // Node is gone
  }
  return done();
}

// Order: Node, launcher, then socket and process of each request. A negative fd is ignored by poll(2).
void Loop::gather(std::vector<pollfd>& fds) const {
  short node = out_.size() > 0 ? POLLIN | POLLOUT : POLLIN;
  fds.push_back({node_.get(), node, 0});
  fds.push_back({launcher_.valid() ? launcher_.get() : -1, POLLIN, 0});
  bool listen = out_.size() < kOutLimit;
  for (const Request& request : requests_) {
    short events = listen ? POLLIN : 0;
    if (request.to_child.size() > 0) events |= POLLOUT;
    // With nothing to wait for even POLLHUP would be reported, again and again.
    fds.push_back({request.talks && events != 0 ? request.child.socket.get() : -1, events, 0});
    fds.push_back({request.child.process.get(), POLLIN, 0});
  }
}

Status Loop::take_from_node() {
  Result<bool> more = in_.fill(node_.get());
  if (!more.ok()) return more.failure();
  if (!more.value()) over_ = true;
  Frame frame;
  while (!over_ && in_.next(frame)) {
    Status handled = handle(frame);
    if (!handled.ok()) return handled;
  }
  if (in_.broken()) return Failure{EPROTO, "frame", "length"};  // no way to find the next frame
  return done();
}

Status Loop::handle(Frame& frame) {
  for (Request& request : requests_) {
    if (request.id != frame.id) continue;
    pass_on(request, frame);
    return done();
  }
  if (frame.kind >= Kind::kList) start(frame);
  return done();  // about a request that has just ended
}

void Loop::start(const Frame& frame) {
  Handler handler = find_handler(mode_, frame.kind);
  if (handler == nullptr && !is_plain(frame.kind)) return fail(frame.id, {EPROTO, "request", "unknown kind"});
  if (requests_.size() >= kMaxRequests) return fail(frame.id, {EAGAIN, "request", "too many at once"});
  Result<RequestChild> child = start_request(mode_, handler, frame, place_);
  if (!child.ok()) return fail(frame.id, child.failure());
  requests_.push_back(Request{.id = frame.id, .kind = frame.kind, .child = std::move(child.value())});
}

void Loop::pass_on(Request& request, const Frame& frame) {
  if (frame.kind == Kind::kCancel) return cancel(request);
  if (frame.kind != Kind::kStdin && frame.kind != Kind::kCredit) return kill(request, {EPROTO, "request", "id in use"});
  if (!request.talks) return;  // it ends, or does not listen any more
  request.to_child.add(encode_frame(frame.id, frame.kind, frame.body));
  if (request.to_child.size() > kInLimit) kill(request, {EPROTO, "request", "more than its window"});
}

// A plain request is told, so that it removes the files it had begun (its child process ends by itself); asked twice, it is killed as the others are.
void Loop::cancel(Request& request) {
  bool first = request.killed.call.empty();
  request.killed = {ECANCELED, "cancelled", {}};
  if (first && is_plain(request.kind) && request.talks) request.to_child.add(encode_frame(request.id, Kind::kCancel, {}));
  else kill_process(request.child.process);
}

void Loop::kill(Request& request, Failure why) {
  request.killed = std::move(why);
  kill_process(request.child.process);
}

void Loop::take_from_child(Request& request) {
  Result<bool> more = request.from_child.fill(request.child.socket.get());
  if (!more.ok() || !more.value()) request.talks = false;
  Frame frame;
  while (request.from_child.next(frame))
    if (!accept(request, frame)) return kill(request, {EPROTO, "helper child", "frame"});
  if (request.from_child.broken()) kill(request, {EPROTO, "helper child", "frame"});
}

// A child has read what strangers wrote: what it says is checked before Node hears it.
bool Loop::accept(Request& request, const Frame& frame) {
  if (frame.id != request.id || !request.result.empty()) return false;
  switch (frame.kind) {
    case Kind::kReply:
    case Kind::kFailure:
      request.result = encode_frame(frame.id, frame.kind, frame.body);
      return true;
    case Kind::kStdout:
    case Kind::kStderr:
    case Kind::kProgress:
    case Kind::kCredit:
      if (frame.body.size() > kStreamWindow) return false;
      out_.add(encode_frame(frame.id, frame.kind, frame.body));
      return true;
    default:
      return false;
  }
}

void Loop::finish(Request& request) {
  while (request.talks) take_from_child(request);  // what it wrote before it ended; its end of the socket is closed
  Result<Ended> ended = wait_for(request.child.process);
  if (!request.killed.call.empty()) return fail(request.id, request.killed);
  if (!request.result.empty()) return out_.add(request.result);
  if (!ended.ok()) return fail(request.id, ended.failure());
  const bool is_killed = ended.value().signal != 0;
  const std::string how = is_killed ? "was killed by signal " + std::to_string(ended.value().signal) : "ended with status " + std::to_string(ended.value().exit);
  fail(request.id, {0, "the helper process of this request " + how, {}});
}

Status serve_requests(Mode mode, Fd node, Fd launcher, const Place& place) {
  if (::fcntl(node.get(), F_SETFL, O_NONBLOCK) != 0) return errno_failure("fcntl", "socket");
  return Loop(mode, std::move(node), std::move(launcher), place).run();
}

}  // namespace tsbuild
