// What the addon gives to native/addon.ts, a file each. Arguments are checked and copied on the main thread, the work is done on others.
#pragma once
#include <napi.h>

#include "common/failure.h"

namespace tsbuild {

// request(kind, body, callback(failure, reply)) -> cancel()
Napi::Value request(const Napi::CallbackInfo& info);
// tryLock(path, exclusive) -> fd, or -1 when somebody else holds it; unlock(fd)
Napi::Value try_lock(const Napi::CallbackInfo& info);
Napi::Value unlock(const Napi::CallbackInfo& info);
// spawn(path, argv, env, callback(exit, signal)) -> { pid, fd }
Napi::Value spawn(const Napi::CallbackInfo& info);
// new CodecStream(codec, encode, level, limit): push(bytes, last, callback(failure, pieces, more))
Napi::Function codec_stream(Napi::Env env);

// { errno, call, path }: path as a latin1 string, the bytes as they are. native/failure.ts makes the error of it.
Napi::Object failure_object(Napi::Env env, const Failure& failure);
Napi::Value latin1(Napi::Env env, const std::string& bytes);
// A latin1 string -> bytes.
std::string bytes_argument(const Napi::Value& value);

}  // namespace tsbuild
