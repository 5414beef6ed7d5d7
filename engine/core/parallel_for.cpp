// The thread pool behind parallel_for: workers sleep on a condition variable between calls and never spin.
// SPDX-License-Identifier: MIT
#include "engine/core/parallel_for.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace quench {
namespace {

struct Job {
  std::size_t count = 0, grain = 1;
  detail::RangeBody call = nullptr;
  const void* body = nullptr;
  std::atomic<std::size_t> next{0};  // first index that nobody has taken
  std::mutex error_mutex;
  std::exception_ptr error;
};

// Takes ranges until none is left. After an exception the remaining ranges are dropped.
void take_ranges(Job& job) {
  for (;;) {
    const std::size_t begin = job.next.fetch_add(job.grain);
    if (begin >= job.count) return;
    try {
      job.call(job.body, begin, std::min(job.count, begin + job.grain));
    } catch (...) {
      const std::lock_guard<std::mutex> lock(job.error_mutex);
      if (!job.error) job.error = std::current_exception();
      job.next = job.count;
    }
  }
}

thread_local bool inside_a_body = false;

class Pool {
 public:
  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  // False when the pool serves another thread's call.
  bool run(std::size_t helpers, Job& job) {
    const std::unique_lock<std::mutex> busy(busy_, std::try_to_lock);
    if (!busy) return false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      helpers = std::min(helpers, grown_to(helpers));
      job_ = &job;
      wanted_ = helpers;
    }
    for (std::size_t i = 0; i < helpers; ++i) wake_.notify_one();
    inside_a_body = true;
    take_ranges(job);
    inside_a_body = false;
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = 0;  // a worker that is still asleep is not needed any more
    done_.wait(lock, [this] { return active_ == 0; });
    job_ = nullptr;
    return true;
  }

 private:
  // Workers there are after asking for so many; a machine short of threads gives fewer, and the result is the same.
  std::size_t grown_to(std::size_t helpers) {
    try {
      while (workers_.size() < helpers) workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
    }
    return workers_.size();
  }

  void work() {
    inside_a_body = true;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stop_ || wanted_ > 0; });
      if (stop_) return;
      --wanted_;
      ++active_;
      Job& job = *job_;
      lock.unlock();
      take_ranges(job);
      lock.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }

  std::mutex busy_;   // held by the call that is being served
  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  Job* job_ = nullptr;
  std::size_t wanted_ = 0, active_ = 0;
  bool stop_ = false;
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

int hardware_threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

void detail::run_ranges(int threads, std::size_t count, std::size_t grain, RangeBody call, const void* body) {
  if (count == 0) return;
  grain = std::max<std::size_t>(grain, 1);
  const std::size_t ranges = (count + grain - 1) / grain;
  const std::size_t useful = std::min(ranges, static_cast<std::size_t>(std::max(threads, 1)));
  if (useful > 1 && !inside_a_body) {
    Job job;
    job.count = count;
    job.grain = grain;
    job.call = call;
    job.body = body;
    if (pool().run(useful - 1, job)) {
      if (job.error) std::rethrow_exception(job.error);
      return;
    }
  }
  for (std::size_t begin = 0; begin < count; begin += grain) call(body, begin, std::min(count, begin + grain));
}

}  // namespace quench
