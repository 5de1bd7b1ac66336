// The client's end of the rings: commands out, completions and prints in.

#ifndef AMDGPU_C_SRC_RUNTIME_COMMAND_QUEUE_H_
#define AMDGPU_C_SRC_RUNTIME_COMMAND_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/stream_clock.h"
#include "c_src/runtime/job_impl.h"
#include "c_src/runtime/segment.h"

namespace amdgpu {

// Who caused a command, and what telemetry calls it.
struct CommandOrigin {
  OwnerId owner = 0;
  std::uint32_t kernel = 0;  // of a launch; telemetry's numbers
  std::uint32_t label = 0;
};

// A command that the worker has not completed.
struct PendingCommand {
  Ticket ticket = 0;
  StreamId stream = 0;
  std::uint64_t submitted_ns = 0;
  std::uint64_t timeout_ns = 0;
  bool specialised = false;
  JobImplRef job;
  std::shared_ptr<const gpu::KernelInfo> kernel;  // of a launch; null for other commands
  CommandOrigin origin;
  // Slots of the commands submitted before and after it; kNoSlot at the ends.
  std::uint32_t older = 0;
  std::uint32_t newer = 0;
};

// Thread-safe: submitting is done under mutex(), draining by whoever gets at it.
class CommandQueue final : public JobPump, public std::enable_shared_from_this<CommandQueue> {
 public:
  using OnPrint = std::function<void(absl::string_view)>;

  // `clocks` outlives the queue.
  CommandQueue(Segment segment, std::shared_ptr<StreamClocks> clocks, OnPrint on_print);

  const Segment& segment() const { return segment_; }

  // --- Submitting ---

  // The short lock that orders everything that is submitted, and that the device keeps its buffers
  // and kernels under.
  AdaptiveMutex& mutex() ABSL_LOCK_RETURNED(mutex_) { return mutex_; }

  // A command of `bytes` (header included), cleared, for its header to be completed by Submit. Null
  // while the ring or the table of commands is full, or while there is no worker. The record is
  // given up again by not submitting it.
  template <typename Record>
  Record* Reserve(std::uint64_t bytes = sizeof(Record)) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::byte* const place = ReserveBytes(RecordBytes(bytes));
    return place == nullptr ? nullptr : new (place) Record{};
  }
  // Sends the record reserved last: header kind, stream, timeout; the rest is filled in.
  JobImplRef Submit(protocol::CommandHeader& header, protocol::CommandKind kind, StreamId stream,
                    std::uint64_t timeout_ns = 0,
                    std::shared_ptr<const gpu::KernelInfo> kernel = nullptr,
                    bool specialised = false, CommandOrigin origin = {})
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The job of a command that has not completed, or null.
  JobImplRef JobOf(Ticket ticket) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The job of the oldest command that has not completed, or null.
  JobImplRef Oldest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Calls `visit` for what has not completed, oldest first, while it returns true.
  void ForEachPending(absl::FunctionRef<bool(const PendingCommand&)> visit) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  bool open() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_; }
  // Commands that the worker has not completed.
  std::uint64_t in_flight() const;

  // --- Completions ---

  void Drain() override;
  // Completions that have not been taken in.
  std::uint64_t undrained() const;
  void BeginWait(Ticket ticket) override;
  void EndWait(Ticket ticket) override;
  void Deliver(std::vector<Job::Callback> callbacks) override;

  // The body of the completion thread; returns after Stop().
  void RunCompletionThread();
  void Stop();
  // True on threads that callbacks may be called from. Other threads of the device say so by a
  // DeviceThread.
  static bool OnDeviceThread();

  // The worker wrote what no worker writes: it must be replaced.
  bool corrupt() const { return corrupt_.load(); }

  // --- The life of a worker ---

  // Empty rings, for a worker that starts. No worker may run.
  void Reset();
  // Commands are taken from now on.
  void Open();
  // No further commands are taken.
  void Close();
  // After Close() and the worker's end: takes in what it completed, and hands out the rest, which
  // count as completed from now on.
  std::vector<PendingCommand> TakePending();

 private:
  static constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

  std::byte* ReserveBytes(std::uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes a command out of the table.
  PendingCommand Take(std::uint32_t slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const;
  bool HasPrints() const;
  // False if the rest has to wait for a thread of the device.
  bool DrainOnce() ABSL_EXCLUSIVE_LOCKS_REQUIRED(drain_mutex_);
  void DrainPrints() ABSL_EXCLUSIVE_LOCKS_REQUIRED(drain_mutex_);
  void WakeCompletionThread();
  void MarkCorrupt();

  const Segment segment_;
  protocol::SegmentHeader& header_;
  const std::shared_ptr<StreamClocks> clocks_;
  const OnPrint on_print_;

  // Order: drain_mutex_ before mutex_; wait_mutex_ and deliver_mutex_ last.
  AdaptiveMutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  ByteRingProducer commands_ ABSL_GUARDED_BY(mutex_);
  Ticket next_sequence_ ABSL_GUARDED_BY(mutex_) = 1;
  std::uint64_t reserved_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<PendingCommand> pending_ ABSL_GUARDED_BY(mutex_);
  std::uint32_t oldest_ ABSL_GUARDED_BY(mutex_) = kNoSlot;
  std::uint32_t newest_ ABSL_GUARDED_BY(mutex_) = kNoSlot;
  std::vector<std::uint32_t> free_slots_ ABSL_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> pending_count_{0};

  Mutex drain_mutex_;
  std::atomic<std::uint64_t> drained_{0};  // completions taken in; written under drain_mutex_
  ByteRingConsumer prints_ ABSL_GUARDED_BY(drain_mutex_);
  std::atomic<bool> corrupt_{false};

  AdaptiveMutex wait_mutex_;
  absl::btree_map<Ticket, int> waited_ ABSL_GUARDED_BY(wait_mutex_);

  AdaptiveMutex deliver_mutex_;
  std::vector<Job::Callback> deliveries_ ABSL_GUARDED_BY(deliver_mutex_);
  std::atomic<bool> has_deliveries_{false};
  std::atomic<bool> stop_{false};
};

// Marks the calling thread as one that callbacks may be called from, while it lives.
class DeviceThread {
 public:
  DeviceThread();
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_COMMAND_QUEUE_H_
