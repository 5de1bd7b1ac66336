// Plays a log of memory events on a resource.

#ifndef AMDGPU_C_SRC_MEMORY_LOG_REPLAY_H_
#define AMDGPU_C_SRC_MEMORY_LOG_REPLAY_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "c_src/memory/event_log.h"
#include "c_src/memory/memory_resource.h"
#include "c_src/memory/stream_clock.h"

namespace amdgpu {

// On a fresh resource of the same options a log that was begun on one gives the same layout: every
// block at the offset it had. Not thread-safe.
class LogReplay {
 public:
  // Neither is owned. Regions, blocks and clocks are changed as the log says.
  LogReplay(MemoryResource* resource, StreamClocks* clocks)
      : resource_(*resource), clocks_(*clocks) {}

  // Plays one event. Frees of blocks that the log never saw are left out. An error if what
  // succeeded in the log fails here.
  absl::Status Play(const LogRecord& record);

  // Blocks that came to lie elsewhere than in the log, or were refused there.
  std::uint64_t moved() const { return moved_; }

 private:
  absl::Status Allocate(const LogRecord& record);
  absl::Status Refuse(const LogRecord& record);
  absl::Status Free(const LogRecord& record);
  absl::Status Reassign(const LogRecord& record);

  MemoryResource& resource_;
  StreamClocks& clocks_;
  absl::flat_hash_map<std::uint64_t, BlockHandle> blocks_;  // ours, by that of the log
  absl::InlinedVector<Fence, 4> fences_;                    // of the next kFree
  std::uint64_t moved_ = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_LOG_REPLAY_H_
