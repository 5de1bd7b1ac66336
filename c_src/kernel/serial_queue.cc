#include "c_src/kernel/serial_queue.h"

#include <pthread.h>

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "c_src/base/clock.h"
#include "c_src/base/mutex.h"

namespace amdgpu {

struct SerialQueue::State {
  Mutex mutex;
  CondVar changed;
  // By when they are due; those due at the same time in the order in which they came.
  std::multimap<std::uint64_t, std::function<void()>> tasks ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

SerialQueue::SerialQueue(const char* thread_name) : state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_] { Run(state); });
  pthread_setname_np(thread_.native_handle(), thread_name);
}

SerialQueue::~SerialQueue() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
    state_->changed.Signal();
  }
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void SerialQueue::Post(std::function<void()> task) { PostAt(0, std::move(task)); }

void SerialQueue::PostAt(std::uint64_t due_ns, std::function<void()> task) {
  MutexLock lock(&state_->mutex);
  state_->tasks.emplace(due_ns, std::move(task));
  state_->changed.Signal();
}

void SerialQueue::Run(const std::shared_ptr<State>& state) {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&state->mutex);
      while (!state->stopping && state->tasks.empty()) state->changed.Wait(&state->mutex);
      if (state->tasks.empty()) return;
      const auto first = state->tasks.begin();
      if (!state->stopping && first->first > NowNs()) {
        state->changed.WaitUntil(&state->mutex, first->first);
        continue;
      }
      task = std::move(first->second);
      state->tasks.erase(first);
    }
    task();
  }
}

}  // namespace amdgpu
