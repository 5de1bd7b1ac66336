// Jobs: what is under way and ends exactly once.

#ifndef AMDGPU_C_SRC_RUNTIME_JOB_IMPL_H_
#define AMDGPU_C_SRC_RUNTIME_JOB_IMPL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/types.h"
#include "c_src/runtime/device.h"

namespace amdgpu {

// What drives jobs on: reads completions and calls back from the device's threads.
class JobPump {
 public:
  virtual ~JobPump() = default;
  // Takes in what has completed, unless another thread is at it.
  virtual void Drain() = 0;
  // From now on (until EndWait) the completion of `ticket` wakes a thread of the device.
  virtual void BeginWait(Ticket ticket) = 0;
  virtual void EndWait(Ticket ticket) = 0;
  // Calls `callbacks` from a thread of the device: this one, if it is one.
  virtual void Deliver(std::vector<Job::Callback> callbacks) = 0;
};

class JobImpl final : public Job {
 public:
  // `ticket` is the command whose completion ends it; 0 if something else does.
  explicit JobImpl(std::shared_ptr<JobPump> pump, Ticket ticket = 0)
      : pump_(std::move(pump)), ticket_(ticket) {
    info_.ticket = ticket;
  }

  bool done() const override { return done_.load(std::memory_order_acquire); }
  bool Poll(std::uint64_t spin_ns) override;
  std::uint64_t Subscribe(Callback callback) override;
  bool Unsubscribe(std::uint64_t subscription) override;
  bool Cancel() override;
  absl::Status status() const override;
  LaunchInfo info() const override;
  KernelRef kernel() const override;
  BufferRef buffer() const override;
  CodeOrigin origin() const override;
  BufferView view() const override;

  // The rest is for the runtime.

  // Also called, once, when the job has ended; from any thread, at once if it has ended already.
  using Continuation = std::function<void(const absl::Status&)>;
  void Then(Continuation continuation);
  // A ticket besides its own that has to complete first. Also while somebody waits already.
  void AlsoWaitFor(Ticket ticket);
  // How to cancel it. Before anybody else has the job.
  void SetCancel(std::function<bool()> cancel) { cancel_ = std::move(cancel); }

  // Ends it; the first call counts and returns true.
  bool Finish(absl::Status status);
  bool Finish(absl::Status status, const LaunchInfo& info);
  bool FinishWithKernel(KernelRef kernel, CodeOrigin origin);
  bool FinishWithBuffer(BufferRef buffer);
  bool FinishWithView(BufferView view);

 private:
  struct Outcome {
    absl::Status status;
    LaunchInfo info;
    KernelRef kernel;
    BufferRef buffer;
    CodeOrigin origin = CodeOrigin::kCompiled;
    BufferView view = {};
  };
  bool End(Outcome outcome);
  void BeginWait();
  void EndWait();

  const std::shared_ptr<JobPump> pump_;
  const Ticket ticket_;
  absl::InlinedVector<Ticket, 1> also_wait_for_;
  std::function<bool()> cancel_;

  std::atomic<bool> done_{false};
  mutable AdaptiveMutex mutex_;
  LaunchInfo info_;  // these, once done, are constant
  Outcome outcome_;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t next_subscription_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<std::pair<std::uint64_t, Callback>> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Continuation> continuations_ ABSL_GUARDED_BY(mutex_);
};
using JobImplRef = std::shared_ptr<JobImpl>;

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_JOB_IMPL_H_
