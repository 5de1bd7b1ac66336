// A thread that runs what it is given, one after the other.

#ifndef AMDGPU_C_SRC_KERNEL_SERIAL_QUEUE_H_
#define AMDGPU_C_SRC_KERNEL_SERIAL_QUEUE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

namespace amdgpu {

// Thread-safe. The destructor first runs what is still queued, what has not come due included. It
// may be called from a task of the queue itself: then the rest runs after it has returned.
class SerialQueue {
 public:
  explicit SerialQueue(const char* thread_name);
  ~SerialQueue();
  SerialQueue(const SerialQueue&) = delete;
  SerialQueue& operator=(const SerialQueue&) = delete;

  void Post(std::function<void()> task);
  // Not before `due_ns` (NowNs()).
  void PostAt(std::uint64_t due_ns, std::function<void()> task);

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // the thread's too: it may outlive this object
  std::thread thread_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_SERIAL_QUEUE_H_
