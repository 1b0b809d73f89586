// The addon: what Node does in its own process, on threads. It makes things faster; the helper in plain mode can do the same.
#include "addon/exports.h"
#include "layer/codec.h"

namespace tsbuild {

Napi::Object failure_object(Napi::Env env, const Failure& failure) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("errno", Napi::Number::New(env, failure.error));
  object.Set("call", latin1(env, failure.call));
  object.Set("path", latin1(env, failure.path));
  return object;
}

Napi::Value latin1(Napi::Env env, const std::string& bytes) {
  napi_value value = nullptr;
  if (napi_create_string_latin1(env, bytes.data(), bytes.size(), &value) != napi_ok) return env.Undefined();
  return Napi::Value(env, value);
}

std::string bytes_argument(const Napi::Value& value) {
  size_t size = 0;
  if (napi_get_value_string_latin1(value.Env(), value, nullptr, 0, &size) != napi_ok) return {};
  std::string bytes(size + 1, '\0');
  if (napi_get_value_string_latin1(value.Env(), value, bytes.data(), bytes.size(), &size) != napi_ok) return {};
  bytes.resize(size);
  return bytes;
}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("version", TSBUILD_VERSION);
  exports.Set("codecs", codecs_text());
  exports.Set("request", Napi::Function::New(env, request, "request"));
  exports.Set("tryLock", Napi::Function::New(env, try_lock, "tryLock"));
  exports.Set("unlock", Napi::Function::New(env, unlock, "unlock"));
  exports.Set("spawn", Napi::Function::New(env, spawn, "spawn"));
  exports.Set("CodecStream", codec_stream(env));
  return exports;
}

NODE_API_MODULE(tsbuild_addon, init)

}  // namespace tsbuild
