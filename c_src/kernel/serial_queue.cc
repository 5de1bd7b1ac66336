#include "c_src/kernel/serial_queue.h"

#include <pthread.h>

#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace amdgpu {

struct SerialQueue::State {
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return stopping || !tasks.empty(); }

  absl::Mutex mutex;
  std::deque<std::function<void()>> tasks ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

SerialQueue::SerialQueue(const char* thread_name) : state_(std::make_shared<State>()) {
  thread_ = std::thread([state = state_] { Run(state); });
  pthread_setname_np(thread_.native_handle(), thread_name);
}

SerialQueue::~SerialQueue() {
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stopping = true;
  }
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void SerialQueue::Post(std::function<void()> task) {
  absl::MutexLock lock(&state_->mutex);
  state_->tasks.push_back(std::move(task));
}

void SerialQueue::Run(const std::shared_ptr<State>& state) {
  while (true) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&state->mutex);
      state->mutex.Await(absl::Condition(state.get(), &State::Ready));
      if (state->tasks.empty()) return;
      task = std::move(state->tasks.front());
      state->tasks.pop_front();
    }
    task();
  }
}

}  // namespace amdgpu
