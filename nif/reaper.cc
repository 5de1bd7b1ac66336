#include "nif/reaper.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "c_src/base/mutex.h"

namespace amdgpu::nif {
namespace {

// Time between the first push and the drop: lets a garbage collection of many handles wake the
// thread once.
constexpr auto kBatch = std::chrono::milliseconds(1);

class Reaper {
 public:
  void Push(std::shared_ptr<const void> object) {
    MutexLock lock(&mutex_);
    pending_.push_back(std::move(object));
    if (pending_.size() == 1) not_empty_.Signal();
  }

  // Returns when everything pushed before is gone, also what another thread is dropping now. The
  // vector's destruction, outside of the queue's lock, is what drops.
  void Drain() {
    MutexLock lock(&dropping_);
    const std::vector<std::shared_ptr<const void>> dropped = Take();
  }

  [[noreturn]] void Run() {
    while (true) {
      {
        MutexLock lock(&mutex_);
        while (pending_.empty()) not_empty_.Wait(&mutex_);
      }
      std::this_thread::sleep_for(kBatch);
      Drain();
    }
  }

 private:
  std::vector<std::shared_ptr<const void>> Take() {
    MutexLock lock(&mutex_);
    return std::exchange(pending_, {});
  }

  Mutex dropping_;  // before mutex_
  Mutex mutex_;
  CondVar not_empty_;
  std::vector<std::shared_ptr<const void>> pending_ ABSL_GUARDED_BY(mutex_);
};

// Leaked: a destructor at exit would race with the thread.
Reaper& TheReaper() {
  static Reaper* const reaper = new Reaper;
  return *reaper;
}

}  // namespace

void StartReaper() {
  [[maybe_unused]] static const bool started = [] {
    // Signals are for the VM's own threads.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread([] {
      pthread_setname_np(pthread_self(), "amdgpu_reaper");
      TheReaper().Run();
    });
    thread.detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return true;
  }();
}

void DropLater(std::shared_ptr<const void> object) { TheReaper().Push(std::move(object)); }

void DropNow() { TheReaper().Drain(); }

}  // namespace amdgpu::nif
