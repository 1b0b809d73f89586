// Starts the helper with one end of a socket pair as its descriptor 3. posix_spawn, never fork: Node has threads.
#include <features.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "addon/exports.h"
#include "common/fd.h"
#include "common/thread.h"

namespace tsbuild {
namespace {

struct Child {
  pid_t pid = -1;
  Fd socket;
};

std::vector<std::string> strings_argument(const Napi::Value& value) {
  std::vector<std::string> strings;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) strings.push_back(bytes_argument(array.Get(i)));
  return strings;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// Default signal actions and an empty mask, whatever Node has; standard input is empty; nothing but 0 to 3 is inherited.
int start(pid_t* pid, const char* path, int socket, char* const* argv, char* const* env) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (int error = ::posix_spawn_file_actions_init(&actions); error != 0) return error;
  if (int error = ::posix_spawnattr_init(&attributes); error != 0) {
    (void)::posix_spawn_file_actions_destroy(&actions);  // always 0
    return error;
  }
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  int error = ::posix_spawn_file_actions_adddup2(&actions, socket, 3);
  if (error == 0) error = ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
#if __GLIBC_PREREQ(2, 34)
  if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&actions, 4);
#endif
  if (error == 0) error = ::posix_spawnattr_setsigmask(&attributes, &none);
  if (error == 0) error = ::posix_spawnattr_setsigdefault(&attributes, &all);
  if (error == 0) error = ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (error == 0) error = ::posix_spawn(pid, path, &actions, &attributes, argv, env);
  (void)::posix_spawnattr_destroy(&attributes);         // always 0
  (void)::posix_spawn_file_actions_destroy(&actions);  // always 0
  return error;
}

Result<Child> start_child(const std::string& path, std::vector<std::string> argv, std::vector<std::string> env) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno_failure("socketpair");
  Child child;
  child.socket = Fd(pair[0]);
  const Fd theirs(pair[1]);
  const int error = start(&child.pid, path.c_str(), theirs.get(), pointers(argv).data(), pointers(env).data());
  if (error != 0) return Failure{error, "posix_spawn", path};
  return child;
}

// Reaps the child on a thread, so that it never stays a zombie, and says how it ended.
void reap(Napi::Env env, pid_t pid, const Napi::Function& callback) {
  auto finished = Napi::ThreadSafeFunction::New(env, callback, "tsbuild child", 0, 1);
  finished.Unref(env);  // a helper that runs does not keep Node alive; its socket does
  auto thread = Thread::start([pid, finished]() mutable {
    int* status = new int(0);
    while (::waitpid(pid, status, 0) < 0 && errno == EINTR) {
    }
    auto deliver = [](Napi::Env env, Napi::Function callback, int* raw) {
      const std::unique_ptr<int> ended(raw);
      if (env == nullptr) return;
      const int exit = WIFEXITED(*ended) ? WEXITSTATUS(*ended) : 0, signal = WIFSIGNALED(*ended) ? WTERMSIG(*ended) : 0;
      callback.Call({Napi::Number::New(env, exit), Napi::Number::New(env, signal)});
    };
    if (finished.BlockingCall(status, deliver) != napi_ok) delete status;
    (void)finished.Release();  // fails only while Node goes down
  });
  if (thread.ok()) thread.value().detach();
}

}  // namespace

Napi::Value spawn(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 4 || !info[0].IsString() || !info[1].IsArray() || !info[2].IsArray() || !info[3].IsFunction()) {
    Napi::TypeError::New(env, "spawn(path, argv, env, callback)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto child = start_child(bytes_argument(info[0]), strings_argument(info[1]), strings_argument(info[2]));
  if (!child.ok()) return failure_object(env, child.failure());
  reap(env, child.value().pid, info[3].As<Napi::Function>());
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, child.value().pid));
  result.Set("fd", Napi::Number::New(env, child.value().socket.release()));
  return result;
}

}  // namespace tsbuild
