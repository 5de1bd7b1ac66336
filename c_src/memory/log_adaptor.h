// Writes every event that passes through to a file or a callback, for later replay.

#ifndef AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_
#define AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "c_src/memory/event_log.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/stream_clock.h"

namespace amdgpu {

// Off at first. A log begins with the regions and live blocks of that moment and so always replays.
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
  absl::StatusOr<LiveBlock> Reassign(BlockHandle handle, OwnerId owner) override;
  absl::Status AddRegion(const Region& region) override;
  absl::Status RemoveRegion(std::uint64_t offset) override;
  std::vector<Region> FreeRegions() override;

 private:
  void Begin();
  void Write(LogRecord record);
  // Records for the streams seen so far that have come further.
  void WriteClocks();
  void Watch(StreamId stream);

  const StreamClocks* const clocks_;
  bool on_ = false;
  std::unique_ptr<LogWriter> file_;
  Callback callback_;
  std::vector<Fence> watched_;  // the last ticket logged, by stream
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_LOG_ADAPTOR_H_
