// One request on a thread of its own: libuv's pool has four, which Node needs for its files.
#include <memory>
#include <mutex>
#include <string>

#include "addon/exports.h"
#include "common/thread.h"
#include "layer/ops.h"

namespace tsbuild {
namespace {

struct Job {
  Kind kind;
  std::string body;
  std::shared_ptr<Cancel> cancel;
  Result<std::string> reply = std::string();
  std::unique_ptr<Thread> thread;
  Napi::ThreadSafeFunction finished;
};

// On the main thread: the reply becomes a Buffer; the thread has nothing left to do and is joined.
void deliver(Napi::Env env, Napi::Function callback, Job* raw) {
  const std::unique_ptr<Job> job(raw);
  job->thread.reset();
  if (env == nullptr) return;  // Node is going down
  if (!job->reply.ok()) {
    callback.Call({failure_object(env, job->reply.failure()), env.Undefined()});
    return;
  }
  const std::string& bytes = job->reply.value();
  callback.Call({env.Null(), Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size())});
}

}  // namespace

Napi::Value request(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsNumber() || !info[1].IsTypedArray() || !info[2].IsFunction()) {
    Napi::TypeError::New(env, "request(kind, body, callback)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto body = info[1].As<Napi::Uint8Array>();
  auto cancel = std::make_shared<Cancel>();
  auto job = std::make_unique<Job>();
  job->kind = static_cast<Kind>(info[0].As<Napi::Number>().Uint32Value());
  job->body.assign(reinterpret_cast<const char*>(body.Data()), body.ByteLength());
  job->cancel = cancel;
  job->finished = Napi::ThreadSafeFunction::New(env, info[2].As<Napi::Function>(), "tsbuild request", 0, 1);
  Job* raw = job.release();  // owned by the thread until it is delivered
  Napi::ThreadSafeFunction finished = raw->finished;
  auto run = [raw, finished]() mutable {
    raw->reply = handle_plain(raw->kind, raw->body, *raw->cancel);
    (void)finished.BlockingCall(raw, deliver);  // fails only while Node goes down, when nobody waits
    (void)finished.Release();
  };
  // Held back until `thread` is set, so that delivery always finds it.
  auto gate = std::make_shared<std::mutex>();
  std::unique_lock hold(*gate);
  auto thread = Thread::start([run, gate]() mutable {
    { std::lock_guard wait(*gate); }
    run();
  });
  if (thread.ok()) {
    raw->thread = std::make_unique<Thread>(std::move(thread.value()));
  } else {
    raw->reply = thread.failure();
    (void)finished.BlockingCall(raw, deliver);  // as above
    (void)finished.Release();
  }
  return Napi::Function::New(env, [cancel](const Napi::CallbackInfo&) { cancel->requested = true; }, "cancel");
}

}  // namespace tsbuild
