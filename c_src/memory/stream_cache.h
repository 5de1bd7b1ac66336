// A stream's cache: the small blocks it freed last, ready to be had again.

#ifndef AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_
#define AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_

#include <array>
#include <cstdint>
#include <numeric>

#include "c_src/memory/node_table.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Short stacks of blocks, one for each size in granules: a block is found only if it has exactly
// the size asked for, and caching wastes no memory inside of blocks. Node::kInherits tells that one
// is perhaps still in use.
//
// Not thread-safe.
class StreamCache {
 public:
  // Larger blocks are not cached: on training traces it costs a quarter more memory.
  static constexpr std::uint32_t kMaxGranules = (1 << 20) / kGranuleBytes;

  explicit StreamCache(StreamId stream) : stream_(stream) {}

  StreamId stream() const { return stream_; }

  // The block on top of its stack, left where it is; kNoNode if there is none. `granules` up to
  // kMaxGranules here and below.
  NodeIndex Peek(std::uint32_t granules) const { return heads_[granules]; }

  // Takes what Peek found.
  void Pop(const NodeTable& nodes, std::uint32_t granules) {
    heads_[granules] = nodes[heads_[granules]].links.next;
    --depths_[granules];
    granules_ -= granules;
  }

  // False if it is full, by `max_granules` in all or by the depth of a stack.
  bool Push(const NodeTable& nodes, NodeIndex index, std::uint32_t max_granules) {
    Node& node = nodes[index];
    const std::uint32_t granules = node.granules;
    if (depths_[granules] == kDepth || granules_ + granules > max_granules) return false;
    node.links.next = heads_[granules];
    heads_[granules] = index;
    ++depths_[granules];
    granules_ += granules;
    return true;
  }

  // Empties the cache into `take(NodeIndex)`.
  template <typename Take>
  void Flush(const NodeTable& nodes, Take take) {
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

  // The size in granules of the largest block; 0 if empty.
  std::uint32_t Largest() const {
    if (granules_ == 0) return 0;
    std::uint32_t granules = kMaxGranules;
    while (heads_[granules] == kNoNode) --granules;
    return granules;
  }

  std::uint32_t granules() const { return granules_; }
  std::uint64_t blocks() const {
    return std::accumulate(depths_.begin(), depths_.end(), std::uint64_t{0});
  }

 private:
  static constexpr std::uint8_t kDepth = 8;

  const StreamId stream_;
  std::uint32_t granules_ = 0;
  std::array<NodeIndex, kMaxGranules + 1> heads_{};  // kNoNode
  std::array<std::uint8_t, kMaxGranules + 1> depths_{};
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_STREAM_CACHE_H_
