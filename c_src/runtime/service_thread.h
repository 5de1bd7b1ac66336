// The thread of a device that may wait: it talks to the worker and sees it end.

#ifndef AMDGPU_C_SRC_RUNTIME_SERVICE_THREAD_H_
#define AMDGPU_C_SRC_RUNTIME_SERVICE_THREAD_H_

#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "c_src/base/mutex.h"
#include "c_src/base/unique_fd.h"

namespace amdgpu {

// A queue of tasks, run one after another by the thread that calls Run.
class ServiceQueue {
 public:
  using Task = std::function<void()>;

  ServiceQueue();

  // Runs `task` soon on the service thread. False, and the task is dropped, after Stop(). From any
  // thread, also a destructor.
  bool Post(Task task);

  // Runs tasks until Stop(). Between them `watched` says which descriptors to watch (negative ones
  // are left out); `on_readable` is called while one of them can be read. What was posted before
  // Stop() is still run.
  void Run(const std::function<std::vector<int>()>& watched,
           const std::function<void()>& on_readable);
  void Stop();

 private:
  std::vector<Task> Take();
  void Wake();

  UniqueFd event_;
  Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_SERVICE_THREAD_H_
