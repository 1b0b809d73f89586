// flock(2) of a file that is made if it is not there. The lock belongs to the descriptor, so the kernel drops it when this process dies.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "addon/exports.h"
#include "common/fd.h"

namespace tsbuild {
namespace {

Result<int> lock_file(const std::string& path, bool exclusive) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return errno_failure("open", path);
  while (::flock(fd.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return -1;
    if (errno != EINTR) return errno_failure("flock", path);
  }
  return fd.release();
}

}  // namespace

Napi::Value try_lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsString() || !info[1].IsBoolean()) {
    Napi::TypeError::New(env, "tryLock(path, exclusive)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto fd = lock_file(bytes_argument(info[0]), info[1].As<Napi::Boolean>());
  if (!fd.ok()) return failure_object(env, fd.failure());
  return Napi::Number::New(env, fd.value());
}

Napi::Value unlock(const Napi::CallbackInfo& info) {
  if (info.Length() == 1 && info[0].IsNumber()) Fd(info[0].As<Napi::Number>().Int32Value()).reset();
  return info.Env().Undefined();
}

}  // namespace tsbuild
