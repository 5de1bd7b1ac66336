#include "c_src/runtime/service_thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace amdgpu {

ServiceQueue::ServiceQueue() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool ServiceQueue::Post(Task task) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return false;
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return true;  // whoever posted the first has woken it
  }
  Wake();
  return true;
}

void ServiceQueue::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
  }
  Wake();
}

void ServiceQueue::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof(one));
}

std::vector<ServiceQueue::Task> ServiceQueue::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(tasks_, {});
}

void ServiceQueue::Run(const std::function<std::vector<int>()>& watched,
                       const std::function<void()>& on_readable) {
  while (true) {
    const std::vector<Task> tasks = Take();
    for (const Task& task : tasks) task();
    if (!tasks.empty()) continue;
    {
      MutexLock lock(&mutex_);
      if (stopped_ && tasks_.empty()) return;
    }
    std::vector<pollfd> entries = {{event_.get(), POLLIN, 0}};
    for (const int fd : watched()) entries.push_back({fd, POLLIN, 0});
    if (poll(entries.data(), entries.size(), -1) <= 0) continue;
    if (entries[0].revents != 0) {
      std::uint64_t count;
      [[maybe_unused]] const ssize_t bytes = read(event_.get(), &count, sizeof(count));
    }
    bool readable = false;
    for (std::size_t i = 1; i < entries.size(); ++i) readable |= entries[i].revents != 0;
    if (readable) on_readable();
  }
}

}  // namespace amdgpu
