// A map from owners to counters, split so that threads with different owners seldom meet.

#ifndef AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
#define AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Counters: what is kept for an owner; entries that are empty() are dropped. Totals: counters that
// outlive their owners. Thread-safe. The functions given run under the lock of the owner's shard:
// they must be short and must not come back here.
template <typename Counters, typename Totals = std::monostate>
class OwnerTable {
 public:
  // Calls `update(Counters&, Totals&)`, with an empty entry if there was none. All Totals together
  // are those of the table.
  template <typename Update>
  void Apply(OwnerId owner, Update update) {
    Shard& shard = ShardOf(owner);
    AdaptiveLock lock(&shard.mutex);
    Counters& counters = shard.entries[owner];
    update(counters, shard.totals);
    if (counters.empty() && shard.empty_owner != owner) {
      // One empty entry stays: an owner may well come back for its next block.
      const auto old = shard.entries.find(shard.empty_owner);
      if (old != shard.entries.end() && old->second.empty()) shard.entries.erase(old);
      shard.empty_owner = owner;
    }
  }

  // Calls `visit(OwnerId, const Counters&)` for every entry that is not empty, one shard at a time.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const Shard& shard : shards_) {
      AdaptiveLock lock(&shard.mutex);
      for (const auto& [owner, counters] : shard.entries) {
        if (!counters.empty()) visit(owner, counters);
      }
    }
  }

  template <typename Visit>
  void ForEachTotals(Visit visit) const {
    for (const Shard& shard : shards_) {
      AdaptiveLock lock(&shard.mutex);
      visit(shard.totals);
    }
  }

 private:
  struct alignas(64) Shard {
    mutable AdaptiveMutex mutex;
    absl::flat_hash_map<OwnerId, Counters> entries ABSL_GUARDED_BY(mutex);
    OwnerId empty_owner ABSL_GUARDED_BY(mutex) = 0;  // perhaps
    Totals totals ABSL_GUARDED_BY(mutex) = {};
  };
  static constexpr std::size_t kShards = 16;

  Shard& ShardOf(OwnerId owner) {
    return shards_[(owner * 0x9e3779b97f4a7c15u) >> 60];  // the top bits of a Fibonacci hash
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_OWNER_TABLE_H_
