// Free blocks sorted by size: lists under two levels of bitmaps, every operation in constant time.

#ifndef AMDGPU_C_SRC_MEMORY_BINS_H_
#define AMDGPU_C_SRC_MEMORY_BINS_H_

#include <array>
#include <bit>
#include <cstdint>

#include "c_src/memory/node_table.h"

namespace amdgpu {

// The index of TLSF (Masmano et al., "TLSF: a new dynamic memory allocator for real-time systems",
// 2004). A bin holds the sizes of one 32nd of a power of two. Find looks at a few blocks of the bin
// that the size itself falls into, where some are large enough and fit best, and else takes from
// the next bin that is not empty, where all are.
//
// Sizes come in no order that a processor could guess: what would be branches is arithmetic here,
// and links to no block are written too, to the node kNoNode.
//
// Not thread-safe. Uses Node::links of the blocks it holds.
class Bins {
 public:
  void Insert(const NodeTable& nodes, NodeIndex index) {
    Node& node = nodes[index];
    Insert(nodes, index, Floor(node.granules));
  }

  void Remove(const NodeTable& nodes, NodeIndex index) {
    Remove(nodes, index, Floor(nodes[index].granules));
  }

  // For a block here that became longer or shorter: it was of `before` granules.
  void Resized(const NodeTable& nodes, NodeIndex index, std::uint32_t before) {
    const Bin bin = Floor(nodes[index].granules);
    if (bin == Floor(before)) return;
    Remove(nodes, index, Floor(before));
    Insert(nodes, index, bin);
  }

  // How many blocks of a bin Find looks at.
  static constexpr int kScan = 4;
  static constexpr int kScanAll = 0x7fffffff;

  // A block of at least `granules` (not 0), left where it is; kNoNode if none was found, which is
  // certain with kScanAll.
  NodeIndex Find(const NodeTable& nodes, std::uint32_t granules, int scan = kScan) const {
    const Bin floor = Floor(granules);
    const NodeIndex best = BestOf(nodes, heads_[floor], granules, scan);
    if (best != kNoNode) return best;
    // Higher bins of the level, or else the lowest of the next level.
    std::uint32_t level = floor / kSlots;
    const std::uint32_t slots = slots_[level] & Above(floor % kSlots);
    const std::uint32_t levels = levels_ & Above(level);
    if ((slots | levels) == 0) return kNoNode;
    level = slots != 0 ? level : static_cast<std::uint32_t>(std::countr_zero(levels));
    const std::uint32_t slot = std::countr_zero(slots != 0 ? slots : slots_[level]);
    return BestOf(nodes, heads_[level * kSlots + slot], granules, kScan);
  }

  // The size in granules of the largest block, or of one at most 1/32 smaller; 0 if empty.
  std::uint32_t Largest(const NodeTable& nodes) const;

  // Calls `visit(NodeIndex)` for every block of at least `granules` until it returns true; returns
  // whether it did. `visit` must not change the bins unless it returns true.
  template <typename Visit>
  bool AnyOfAtLeast(const NodeTable& nodes, std::uint32_t granules, Visit visit) const {
    for (Bin bin = Floor(granules); bin < kBins; ++bin) {
      for (NodeIndex index = heads_[bin]; index != kNoNode; index = nodes[index].links.next) {
        if (nodes[index].granules >= granules && visit(index)) return true;
      }
    }
    return false;
  }

 private:
  static constexpr std::uint32_t kSlotBits = 5;
  static constexpr std::uint32_t kSlots = 1 << kSlotBits;
  static constexpr std::uint32_t kLevels = 32 - kSlotBits + 1;
  static constexpr std::uint32_t kBins = kLevels * kSlots;

  // Bins are numbered by size: bin n is slot n % kSlots of level n / kSlots.
  using Bin = std::uint32_t;

  // The bin that holds blocks of this size: level 0 has one for each size below kSlots, each level
  // above one for 1, 1, 2, 4, ... sizes.
  static Bin Floor(std::uint32_t granules) {
    const std::uint32_t shift = std::bit_width(granules | kSlots) - (kSlotBits + 1);
    return (shift << kSlotBits) + (granules >> shift);
  }

  void Insert(const NodeTable& nodes, NodeIndex index, Bin bin) {
    const NodeIndex head = heads_[bin];
    nodes[index].links = {kNoNode, head};
    nodes[head].links.previous = index;
    heads_[bin] = index;
    levels_ |= 1u << (bin / kSlots);
    slots_[bin / kSlots] |= 1u << (bin % kSlots);
  }

  void Remove(const NodeTable& nodes, NodeIndex index, Bin bin) {
    const Node::Links links = nodes[index].links;
    nodes[links.next].links.previous = links.previous;
    NodeIndex& from = links.previous == kNoNode ? heads_[bin] : nodes[links.previous].links.next;
    from = links.next;
    const std::uint32_t empty = heads_[bin] == kNoNode;
    const std::uint32_t slots = slots_[bin / kSlots] & ~(empty << (bin % kSlots));
    slots_[bin / kSlots] = slots;
    levels_ &= ~(std::uint32_t{slots == 0} << (bin / kSlots));
  }

  // The bits of a bitmap above bit `index`.
  static std::uint32_t Above(std::uint32_t index) { return ~0u << 1 << index; }

  // The smallest that is large enough of the first `scan` blocks in a list; of equals the lowest.
  static NodeIndex BestOf(const NodeTable& nodes, NodeIndex head, std::uint32_t granules,
                          int scan) {
    NodeIndex best = kNoNode;
    std::uint64_t best_rank = ~std::uint64_t{0};
    int seen = 0;
    for (NodeIndex index = head; index != kNoNode && seen < scan; ++seen) {
      const Node& node = nodes[index];
      const std::uint64_t rank = std::uint64_t{node.granules} << 32 | node.offset;
      if (node.granules >= granules && rank < best_rank) {
        best = index;
        best_rank = rank;
      }
      index = node.links.next;
    }
    return best;
  }

  std::uint32_t levels_ = 0;  // bit l: slots_[l] != 0
  std::array<std::uint32_t, kLevels> slots_{};
  std::array<NodeIndex, kBins> heads_{};  // kNoNode
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_BINS_H_
