// Writes every event that passes through to a file or a callback, for later replay.

#ifndef AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_
#define AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/event_log.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/stream_clock.h"

namespace amdgpu {

// Off at first: then it costs one load per call. While on, calls are serialised so that the order
// of the log is the order of the events. A log begins with the regions and live blocks of that
// moment and so always replays.
class LogAdaptor final : public Adaptor {
 public:
  using Callback = std::function<void(const LogRecord&)>;

  // `clocks` (not owned) are those of the pool below: how far streams have come is logged too.
  LogAdaptor(MemoryResource* upstream, const StreamClocks* clocks)
      : Adaptor(upstream), clocks_(clocks) {}
  ~LogAdaptor() override;

  // Starts a new log, to a file (created or truncated; buffered) or to a callback, which must not
  // call this resource. kFailedPrecondition if one is being written.
  absl::Status Start(const std::string& path);
  absl::Status Start(Callback callback);
  // Ends the log. The first error in writing it, if any; OK if none was being written.
  absl::Status Stop();

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override;
  absl::StatusOr<LiveBlock> Deallocate(BlockHandle handle, absl::Span<const Fence> fences) override;
  absl::Status AddRegion(const Region& region) override;
  absl::Status RemoveRegion(std::uint64_t offset) override;
  std::vector<Region> FreeRegions() override;

 private:
  void Begin() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(LogRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Records for the streams seen so far that have come further.
  void WriteClocks() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Watch(StreamId stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StreamClocks* const clocks_;
  std::atomic<bool> on_{false};
  AdaptiveMutex mutex_;
  std::unique_ptr<LogWriter> file_ ABSL_GUARDED_BY(mutex_);
  Callback callback_ ABSL_GUARDED_BY(mutex_);
  std::vector<Fence> watched_ ABSL_GUARDED_BY(mutex_);  // the last ticket logged, by stream
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_
