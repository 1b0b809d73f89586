// A thread that is joined when dropped. Starting one may fail (a limit on processes), which std::thread can only throw about.
#pragma once
#include <pthread.h>

#include <functional>
#include <memory>
#include <vector>

#include "failure.h"

namespace tsbuild {

class Thread {
 public:
  static Result<Thread> start(std::function<void()> work) {
    Thread thread;
    thread.work_ = std::make_unique<std::function<void()>>(std::move(work));
    const int error = ::pthread_create(&thread.id_, nullptr, &Thread::run, thread.work_.get());
    if (error != 0) return Failure{error, "pthread_create", {}};
    thread.running_ = true;
    return thread;
  }
  Thread(Thread&& other) noexcept : id_(other.id_), running_(std::exchange(other.running_, false)), work_(std::move(other.work_)) {}
  Thread& operator=(Thread&&) = delete;
  ~Thread() {
    if (running_) (void)::pthread_join(id_, nullptr);  // fails only for a thread that was joined before
  }
  // Lets it run on by itself until the process ends.
  void detach() {
    if (!std::exchange(running_, false)) return;
    (void)work_.release();  // leaked once for each detached thread: `run` may be using it
    (void)::pthread_detach(id_);  // fails only for a thread that was joined before
  }

 private:
  Thread() = default;
  static void* run(void* work) {
    (*static_cast<std::function<void()>*>(work))();
    return nullptr;
  }
  pthread_t id_{};
  bool running_ = false;
  std::unique_ptr<std::function<void()>> work_;
};

// Number of processors this process may use; at most 16, since more threads than that only cost memory here.
unsigned thread_count(unsigned wanted);

// Runs `work` for 0 <= i < count on up to `threads` threads (this one is among them) until one fails; returns the first failure.
Status for_each_index(size_t count, unsigned threads, const std::function<Status(size_t)>& work);

}  // namespace tsbuild
