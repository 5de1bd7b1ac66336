// A stream's cache: the small blocks it freed last, ready to be had again.

#ifndef AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_
#define AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_

#include <array>
#include <bit>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "c_src/memory/adaptive_mutex.h"
#include "c_src/memory/node_table.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Changes to the live blocks, kept where they happen and added up on demand.
struct BlockCounters {
  std::int64_t blocks = 0;
  std::int64_t granules = 0;
  std::int64_t slack = 0;  // bytes

  void Add(const Node& node) {
    ++blocks;
    granules += node.granules;
    slack += node.slack;
  }
  void Subtract(const Node& node) {
    --blocks;
    granules -= node.granules;
    slack -= node.slack;
  }
  BlockCounters& operator+=(const BlockCounters& other) {
    blocks += other.blocks;
    granules += other.granules;
    slack += other.slack;
    return *this;
  }
};

// The stack for blocks of this size: eight to a power of two.
constexpr std::uint32_t CacheClass(std::uint32_t granules) {
  if (granules < 8) return granules;
  const std::uint32_t exponent = std::bit_width(granules) - 1;
  return (exponent - 2) * 8 + ((granules >> (exponent - 3)) & 7);
}

// Short stacks of blocks by size class. A block is found only if it has exactly the size asked for:
// caching wastes no memory inside of blocks. Each holds its ticket in NodeTable::hold.
//
// Not thread-safe but for `mutex`, which the caller holds.
class StreamCache {
 public:
  // Larger blocks are not cached: on training traces it costs a quarter more memory.
  static constexpr std::uint32_t kMaxGranules = (1 << 20) / kGranuleBytes;

  explicit StreamCache(StreamId stream) : stream_(stream) { heads_.fill(kNoNode); }

  StreamId stream() const { return stream_; }

  // The block on top of its stack if it fits, left where it is; else kNoNode.
  NodeIndex Peek(const NodeTable& nodes, std::uint32_t granules) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const NodeIndex index = heads_[CacheClass(granules)];
    return index != kNoNode && nodes[index].granules == granules ? index : kNoNode;
  }

  // Takes what Peek found.
  void Pop(const NodeTable& nodes, std::uint32_t granules) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const std::uint32_t size_class = CacheClass(granules);
    heads_[size_class] = nodes[heads_[size_class]].links.next;
    --depths_[size_class];
    granules_ -= granules;
  }

  // False if it is full, by `max_granules` in all or by the depth of a stack.
  bool Push(const NodeTable& nodes, NodeIndex index, std::uint32_t max_granules)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Node& node = nodes[index];
    const std::uint32_t size_class = CacheClass(node.granules);
    if (depths_[size_class] == kDepth || granules_ + node.granules > max_granules) return false;
    node.links.next = heads_[size_class];
    heads_[size_class] = index;
    ++depths_[size_class];
    granules_ += node.granules;
    return true;
  }

  // Empties the cache into `take(NodeIndex)`.
  template <typename Take>
  void Flush(const NodeTable& nodes, Take take) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (granules_ == 0) return;
    for (NodeIndex& head : heads_) {
      while (head != kNoNode) {
        const NodeIndex index = head;
        head = nodes[index].links.next;
        take(index);
      }
    }
    depths_.fill(0);
    granules_ = 0;
  }

  // The size in granules of a block of the highest class; 0 if empty.
  std::uint32_t Largest(const NodeTable& nodes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (granules_ == 0) return 0;
    std::uint32_t largest = 0;
    for (const NodeIndex head : heads_) {
      if (head != kNoNode) largest = nodes[head].granules;
    }
    return largest;
  }

  std::uint32_t granules() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return granules_; }
  BlockCounters& counters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return counters_; }

  mutable AdaptiveMutex mutex;

 private:
  static constexpr std::uint8_t kDepth = 8;

  static constexpr std::uint32_t kClasses = CacheClass(kMaxGranules) + 1;

  const StreamId stream_;
  std::array<NodeIndex, kClasses> heads_ ABSL_GUARDED_BY(mutex);
  std::array<std::uint8_t, kClasses> depths_ ABSL_GUARDED_BY(mutex){};
  std::uint32_t granules_ ABSL_GUARDED_BY(mutex) = 0;
  BlockCounters counters_ ABSL_GUARDED_BY(mutex);
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_
