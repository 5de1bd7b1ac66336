// A map from owners to counters, split so that threads with different owners seldom meet.

#ifndef AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
#define AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Thread-safe. The functions given run under the lock of the owner's shard: they must be short and
// must not come back here.
template <typename Counters>
class OwnerTable {
 public:
  // Calls `update(Counters&)`, with a fresh entry if there was none; the entry is dropped if it
  // returns false.
  template <typename Update>
  void Apply(OwnerId owner, Update update) {
    Shard& shard = ShardOf(owner);
    AdaptiveLock lock(&shard.mutex);
    const auto it = shard.entries.try_emplace(owner).first;
    if (!update(it->second)) shard.entries.erase(it);
  }

  // Calls `visit(OwnerId, const Counters&)` for every entry, one shard at a time.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Shard& shard : shards_) {
      AdaptiveLock lock(&shard.mutex);
      for (const auto& [owner, counters] : shard.entries) visit(owner, counters);
    }
  }

 private:
  struct alignas(64) Shard {
    mutable AdaptiveMutex mutex;
    absl::flat_hash_map<OwnerId, Counters> entries ABSL_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kShards = 16;

  Shard& ShardOf(OwnerId owner) {
    return shards_[(owner * 0x9e3779b97f4a7c15u) >> 60];  // the top bits of a Fibonacci hash
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
