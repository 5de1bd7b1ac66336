// One stream: what was queued in it, and the thread that sees it end.
//
// The vendor tells that work has ended by events, which are queued behind it. An event for every
// launch would cost a pipeline of short launches a third of its rate, so an event covers a batch:
// as many operations as are expected to take 20 us together, and never more of what is not known.
//
//   - The first operation of an idle stream has an event before it and one behind it, and so has a
//     launch that somebody watches: their times are exact.
//   - While the stream is busy, an event follows whenever enough work has gathered.
//   - What is left behind the last event is covered by the lane's thread, as soon as that event has
//     happened and no more is queued for a moment.
//
// Operations of one batch share its time in proportion to what each usually takes.
//
// The thread looks for an event for as long as that is expected to pay, and otherwise sleeps: in
// the vendor's EventSynchronize while something runs, on a futex while nothing does.

#ifndef AMDGPU_GPU_VENDOR_LANE_H_
#define AMDGPU_GPU_VENDOR_LANE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "gpu/driver.h"
#include "gpu/vendor/device_clock.h"
#include "gpu/vendor/event_pool.h"
#include "gpu/vendor/fault_log.h"
#include "gpu/vendor/kernel.h"
#include "gpu/vendor/running_launches.h"

namespace amdgpu::vendor {

// What the lanes of a driver have in common.
struct LaneParts {
  const DeviceContext& context;
  gpu::CompletionSink& sink;
  EventPool& events;
  DeviceClock& clock;
  FaultLog& faults;
  RunningLaunches& running;
  const std::function<void()>& drain_output;  // VendorDriverOptions
};

// An operation of a stream.
struct Operation {
  gpu::Ticket ticket = 0;     // 0: nobody is told of its end
  Kernel* kernel = nullptr;   // of a launch
  std::uint64_t threads = 0;  // of a launch
  // 0 = nothing is known. Of a launch the kernel's estimate.
  std::uint64_t expected_ns = 0;
  bool watched = false;  // needs its own start and end
  bool marker = false;   // nothing for the device to do
  // Set by the lane.
  std::uint64_t queued_ns = 0;
  bool start_told = false;
};

// Submit and Mark by one thread at a time, Drain by any.
class Lane {
 public:
  // Makes the vendor's stream and the thread.
  static absl::StatusOr<std::unique_ptr<Lane>> Start(const LaneParts& parts);
  // Waits for the work that is queued and reports it.
  ~Lane();

  Stream stream() const { return stream_; }

  // `enqueue` puts the operation into stream(). If that fails, so does this, and nothing was
  // queued; `doing` begins the error's message.
  absl::Status Submit(Operation operation, absl::FunctionRef<Result()> enqueue,
                      absl::string_view doing);
  // Completes `ticket` behind what is queued: at once if nothing is.
  void Mark(gpu::Ticket ticket);
  // Until what is queued now has been reported.
  void Drain();

 private:
  // Operations up to the number `covers` (counted from the first) have ended when `event` has
  // happened.
  struct Batch {
    Event event = nullptr;  // null: nothing to wait for but `error`
    Event begin = nullptr;  // before the first operation; null: it began when the last batch ended
    std::uint64_t covers = 0;
    Result error = 0;
  };

  Lane(const LaneParts& parts, Stream stream)
      : parts_(parts), stream_(stream), slot_(parts.running.Take()) {}

  // Say which launches are under way: one more, which is last in operations_; those of current_ no
  // longer.
  void NoteLaunch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteEnd() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetSlot(const RunningLaunches::Launch& launch) const {
    if (slot_ != nullptr) slot_->Set(launch);
  }

  // The calling side.
  Result RecordEvent(Event* event);
  absl::Status Failure(Result result, absl::string_view doing);

  // The thread's side.
  void Run();
  Batch NextBatch();
  bool OnlyMarkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells that the batch has begun and waits for its end.
  Result Await(const Batch& batch);
  Result WaitForEvent(Event event, std::uint64_t expected_ns);
  // Reports what `batch` covers.
  void Finish(const Batch& batch, Result result);
  absl::StatusCode ReportFault(Result result);
  // Gives each of `ended_` its part of [begin, end] and learns from it.
  void Share(std::uint64_t begin_ns, std::uint64_t end_ns, absl::StatusCode code);
  void WakeThread();

  const LaneParts parts_;
  const Stream stream_;
  RunningLaunches::Slot* const slot_;
  std::thread thread_;

  // What one side writes has a cache line of its own: both are at it at once in a pipeline.

  // The calling side's. Since the last event:
  alignas(64) std::uint64_t uncovered_ = 0;
  std::uint64_t uncovered_ns_ = 0;
  // Counts of operations.
  std::atomic<std::uint64_t> submitted_{0};
  std::atomic<std::uint64_t> batches_queued_{0};
  std::atomic<std::uint32_t> bell_{0};
  std::atomic<bool> stop_{false};

  // The thread's. ended_: the device has done them; reported_: the sink knows.
  alignas(64) std::atomic<std::uint64_t> ended_{0};
  std::atomic<std::uint64_t> reported_{0};
  std::atomic<std::uint32_t> sleeping_{0};

  alignas(64) Mutex mutex_;
  CondVar drained_;
  std::deque<Operation> operations_ ABSL_GUARDED_BY(mutex_);
  std::deque<Batch> batches_ ABSL_GUARDED_BY(mutex_);
  int drainers_ ABSL_GUARDED_BY(mutex_) = 0;
  // Launches under way: how many, the oldest, and of how many of the last the kernel is the same.
  std::uint64_t launches_ ABSL_GUARDED_BY(mutex_) = 0;
  gpu::Ticket oldest_ ABSL_GUARDED_BY(mutex_) = 0;
  gpu::FunctionHandle last_function_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t alike_ ABSL_GUARDED_BY(mutex_) = 0;

  // The thread's.
  alignas(64) std::uint64_t batches_taken_ = 0;
  std::vector<Operation> current_;  // of the batch at hand
  std::uint64_t last_end_ns_ = 0;
};

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_LANE_H_
