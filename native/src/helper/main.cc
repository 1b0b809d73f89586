// tsbuild-sandbox: the static helper beside Node. `serve` answers every request inside namespaces of its own, `plain` those that need none.
// File descriptor 3 is the socket to Node; standard error is Node's and silent in normal life.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "layer/codec.h"
#include "common/text-file.h"
#include "loop.h"
#include "userns.h"

using namespace tsbuild;

namespace {

constexpr int kSocket = 3;
constexpr char kPackageVersion[] = TSBUILD_VERSION;  // set by the build

struct Options {
  std::string mode;
  std::string version;
  std::string ids = "auto";
};

int usage() {
  (void)std::fputs("usage: tsbuild-sandbox serve --version V [--ids auto|own|ranges|single|host] | plain --version V | --version\n", stderr);
  return 2;
}

bool parse(int argc, char** argv, Options& options) {
  options.mode = argv[1];
  if (options.mode != "serve" && options.mode != "plain") return false;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--version") == 0) options.version = argv[i + 1];
    else if (std::strcmp(argv[i], "--ids") == 0) options.ids = argv[i + 1];
    else return false;
  }
  return argc % 2 == 0 && !options.version.empty() && !parse_ids(options.ids).empty();
}

// With the id map of this process: trees that were unpacked under another one are other trees.
Status say_hello(int socket) {
  Writer w;
  w.u32(kProtocolVersion);
  w.bytes(kPackageVersion);
  for (const char* path : {"/proc/self/uid_map", "/proc/self/gid_map"}) {
    Result<std::string> map = read_text_file(path);
    if (!map.ok()) return map.failure();
    w.bytes(map.value());
  }
  return write_all(socket, encode_frame(0, Kind::kHello, w.view()));
}

Status greet_and_serve(Mode mode, Fd launcher, const Place& place) {
  // A connection that ends is an error of write(2) here, not a signal.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return errno_failure("signal");
  Status hello = say_hello(kSocket);
  if (!hello.ok()) return hello;
  return serve_requests(mode, Fd(kSocket), std::move(launcher), place);
}

Status run(const Options& options) {
  if (options.version != kPackageVersion) return say_hello(kSocket);  // Node sees which one this is, and refuses it
  if (options.mode == "plain") return greet_and_serve(Mode::kPlain, Fd(), Place{});
  return launch(parse_ids(options.ids), [](const Place& place, Fd launcher) { return greet_and_serve(Mode::kServe, std::move(launcher), place); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) return std::printf("tsbuild-sandbox %s (%s)\n", kPackageVersion, codecs_text().c_str()) > 0 ? 0 : 1;
  Options options;
  if (argc < 2 || !parse(argc, argv, options)) return usage();
  // Ctrl-C in a terminal is for Node, which then ends us in order; it leads its process group already when somebody starts it by hand (EPERM).
  (void)::setsid();
  // Dies with the thread that started it; when that is gone already, the socket is at its end and the loop ends by that.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::close_range(kSocket + 1, ~0U, 0) != 0) return 1;
  Status status = run(options);
  if (status.ok()) return 0;
  // Nothing more can be done when Node is gone.
  (void)write_all(kSocket, encode_frame(0, Kind::kFailure, encode_failure(status.failure())));
  return 1;
}
