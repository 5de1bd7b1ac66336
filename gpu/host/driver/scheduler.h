// Streams, events and the threads that run what is queued in them.
//
// Work of a stream runs in order, one task at a time; a task's units are handed out to the pool's
// threads in chunks. Small work of an idle stream runs on the thread that submits it, if that may
// run kernels: then it has ended when Submit returns, at no cost of a wake. Threads with nothing to
// do sleep.

#ifndef AMDGPU_GPU_HOST_DRIVER_SCHEDULER_H_
#define AMDGPU_GPU_HOST_DRIVER_SCHEDULER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/driver.h"
#include "gpu/host/driver/kernel_thread.h"
#include "gpu/host/driver/placement.h"
#include "gpu/host/driver/task.h"

namespace amdgpu::host {

// Thread-safe, except that calls on one stream are made by one thread at a time. Stream 0 exists
// from the start.
class Scheduler {
 public:
  // `cores` >= 1: how many threads work at one task. `sink` must outlive the scheduler.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Start(unsigned cores,
                                                          gpu::CompletionSink& sink);
  // Work that has not ended completes as cancelled.
  ~Scheduler();

  absl::Status CreateStream(gpu::StreamId id);
  absl::Status DestroyStream(gpu::StreamId id);

  // Exactly one completion of the task's ticket follows if the status is ok, none otherwise.
  absl::Status Submit(gpu::StreamId id, std::unique_ptr<Task> task);
  absl::Status SubmitMarker(gpu::StreamId id, gpu::Ticket ticket);

  absl::Status Record(gpu::StreamId id, gpu::EventId event);
  absl::Status Wait(gpu::StreamId id, gpu::EventId event);
  absl::StatusOr<bool> Query(gpu::EventId event);
  absl::Status DestroyEvent(gpu::EventId event);

  absl::Status Synchronize(gpu::StreamId id);

 private:
  struct Stream;

  // One recording of an event.
  struct Recording {
    bool done = false;
    std::vector<Stream*> waiting;
  };

  // What a stream's queue holds: exactly one of a task, a marker's ticket, a recording to make or
  // one to wait for.
  struct Item {
    enum class Kind { kTask, kMarker, kRecord, kWait };
    Kind kind = Kind::kMarker;
    gpu::Ticket ticket = 0;
    std::unique_ptr<Task> task;
    std::shared_ptr<Recording> recording;
  };

  // A task whose units are being handed out.
  struct ActiveTask {
    bool Exhausted() const {
      return cancelled.load(std::memory_order_relaxed) ||
             next.load(std::memory_order_relaxed) >= task->units();
    }

    std::unique_ptr<Task> task;
    Stream* stream = nullptr;
    unsigned max_participants = 1;
    std::uint64_t started_ns = 0;  // written by the first thread
    // Guarded by the scheduler's mutex.
    unsigned participants = 0;  // threads inside
    bool started = false;
    bool listed = false;                      // in active_
    std::atomic<std::uint64_t> next{0};       // first unit not handed out; may run past the end
    std::atomic<std::uint64_t> thread_ns{0};  // that threads spent in it, added up
    std::atomic<bool> cancelled{false};
  };

  struct Stream {
    std::deque<Item> queue;
    // Somebody is responsible for the stream's progress: a thread that advances it, an active task,
    // or a recording that it waits for.
    bool busy = false;
    std::unique_ptr<ActiveTask> active;
  };

  // A pool thread, as long as it has nothing to do.
  struct Sleeper {
    pthread_t thread = {};
    std::condition_variable woken_up;
    bool awake = false;
    bool placed = false;  // on some CPUs only, until it has joined what it was woken for
  };

  Scheduler(unsigned cores, gpu::CompletionSink& sink) : cores_(cores), sink_(sink) {}

  // Waits, with the mutex held, until `condition` holds; looked at when a stream becomes idle.
  template <typename Condition>
  void AwaitIdle(std::unique_lock<std::mutex>& lock, Condition condition);

  absl::Status Enqueue(gpu::StreamId id, Item item);
  // Runs what is at the head of the stream as far as it goes. The caller is responsible for it.
  void Advance(Stream& stream);
  // True if the calling thread had better run the task itself than hand it over.
  bool RunsHere(const Task& task) const;
  void RunHere(std::unique_ptr<Task> task);
  void CompleteNow(gpu::Ticket ticket, absl::StatusCode status);
  void Activate(Stream& stream, std::unique_ptr<Task> task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndRecording(Recording& recording) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeReady(Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountContenders() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void PoolThread();
  // One thing for a pool thread to do; false if there is none. Releases the lock meanwhile.
  bool WorkOnce(std::unique_lock<std::mutex>& lock, Sleeper& self);
  // The task whose turn it is, of those that want a thread; null if none does.
  ActiveTask* TakeActive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Participate(ActiveTask& active);
  void CompleteActive(Stream& stream);
  // Waits for work: spins a little if that has paid lately, then sleeps.
  void WaitForWork(std::unique_lock<std::mutex>& lock, Sleeper& self, std::uint64_t& spin_ns);
  enum class Where { kAnywhere, kAwayFromMe };
  void WakeThreads(unsigned count, Where where) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const unsigned cores_;
  gpu::CompletionSink& sink_;
  const Placement placement_;

  std::mutex mutex_;
  std::condition_variable idle_;  // for those who wait until a stream has ended
  absl::flat_hash_map<gpu::StreamId, std::unique_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<gpu::EventId, std::shared_ptr<Recording>> events_ ABSL_GUARDED_BY(mutex_);
  std::deque<ActiveTask*> active_ ABSL_GUARDED_BY(mutex_);  // with units left, next in turn first
  std::deque<Stream*> ready_ ABSL_GUARDED_BY(mutex_);       // to be advanced by a pool thread
  bool prefer_ready_ ABSL_GUARDED_BY(mutex_) = true;        // both kinds take turns
  std::vector<Sleeper*> sleepers_
      ABSL_GUARDED_BY(mutex_);                     // the last to have worked is woken first
  unsigned spinning_ ABSL_GUARDED_BY(mutex_) = 0;  // pool threads that look at posted_
  std::uint64_t spin_deadline_ns_ ABSL_GUARDED_BY(mutex_) = 0;  // of the one that spins
  unsigned idle_waiters_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cancelling_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Changes when work is posted.
  std::atomic<std::uint64_t> posted_{0};
  // How many tasks and streams want threads: more than one ends a thread's stay at its task early.
  std::atomic<std::size_t> contenders_{0};

  std::vector<std::unique_ptr<KernelThread>> threads_;
};

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_SCHEDULER_H_
