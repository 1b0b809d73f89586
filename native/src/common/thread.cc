#include "common/thread.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <mutex>

namespace tsbuild {
namespace {
constexpr unsigned kMaxThreads = 16;
}

unsigned thread_count(unsigned wanted) {
  if (wanted == 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    wanted = ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : kMaxThreads;
  }
  return std::clamp(wanted, 1u, kMaxThreads);
}

Status for_each_index(size_t count, unsigned threads, const std::function<Status(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex lock;
  Status first = done();
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      Status status = work(i);
      if (status.ok()) continue;
      std::lock_guard guard(lock);
      if (first.ok()) first = std::move(status);
      next = count;
    }
  };
  {
    std::vector<Thread> others;
    while (others.size() + 1 < threads && others.size() + 1 < count) {
      auto thread = Thread::start(run);
      if (!thread.ok()) break;  // fewer threads do the same work
      others.push_back(std::move(thread.value()));
    }
    run();
  }
  return first;
}

}  // namespace tsbuild
