// Where a driver reports to: the completion ring, the print ring and telemetry.

#ifndef AMDGPU_C_SRC_WORKER_COMPLETIONS_H_
#define AMDGPU_C_SRC_WORKER_COMPLETIONS_H_

#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "c_src/base/byte_ring.h"
#include "c_src/runtime/segment.h"
#include "c_src/worker/in_flight.h"
#include "c_src/worker/watchdog.h"
#include "gpu/driver.h"
#include "telemetry/launch_runs.h"
#include "telemetry/ring.h"

namespace amdgpu::worker {

// Thread-safe.
class Completions final : public gpu::CompletionSink {
 public:
  // All outlive it.
  using FaultHook = std::function<void(const gpu::Fault&)>;
  Completions(const Segment& segment, InFlightTable& in_flight, Watchdog& watchdog,
              FaultHook on_fault);

  void OnStart(gpu::Ticket ticket, std::uint64_t started_ns) override;
  void OnComplete(const gpu::Completion& completion) override;
  // Waits a while for room when the client does not keep up, and then drops the text.
  void OnPrint(gpu::Ticket ticket, absl::string_view text) override;
  void OnFault(const gpu::Fault& fault) override { on_fault_(fault); }

  // The sampler's tick: what has ended is in the telemetry ring when this returns.
  void EndTick();

 private:
  // For whoever reads the telemetry ring, if anybody does.
  void Record(const InFlight& entry, const gpu::Completion& completion, absl::StatusCode status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PrintPiece(gpu::Ticket ticket, absl::string_view text)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(print_mutex_);

  protocol::SegmentHeader& header_;
  protocol::CompletionRecord* const records_;
  InFlightTable& in_flight_;
  Watchdog& watchdog_;
  const FaultHook on_fault_;

  std::mutex mutex_;
  std::uint64_t head_ ABSL_GUARDED_BY(mutex_) = 0;
  telemetry::SharedRingWriter telemetry_ ABSL_GUARDED_BY(mutex_);
  telemetry::LaunchRuns launches_ ABSL_GUARDED_BY(mutex_);

  std::mutex print_mutex_;
  ByteRingProducer print_ ABSL_GUARDED_BY(print_mutex_);
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_COMPLETIONS_H_
