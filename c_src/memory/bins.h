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
// Not thread-safe. Uses Node::links of the blocks it holds.
class Bins {
 public:
  Bins() {
    for (auto& level : heads_) level.fill(kNoNode);
  }

  void Insert(const NodeTable& nodes, NodeIndex index) {
    Node& node = nodes[index];
    const Bin bin = Floor(node.granules);
    NodeIndex& head = heads_[bin.level][bin.slot];
    node.links = {kNoNode, head};
    if (head != kNoNode) nodes[head].links.previous = index;
    head = index;
    levels_ |= 1u << bin.level;
    slots_[bin.level] |= 1u << bin.slot;
  }

  void Remove(const NodeTable& nodes, NodeIndex index) {
    const Node::Links links = nodes[index].links;
    if (links.next != kNoNode) nodes[links.next].links.previous = links.previous;
    if (links.previous != kNoNode) {
      nodes[links.previous].links.next = links.next;
      return;
    }
    const Bin bin = Floor(nodes[index].granules);
    heads_[bin.level][bin.slot] = links.next;
    if (links.next != kNoNode) return;
    slots_[bin.level] &= ~(1u << bin.slot);
    if (slots_[bin.level] == 0) levels_ &= ~(1u << bin.level);
  }

  // How many blocks of a bin Find looks at.
  static constexpr int kScan = 8;
  static constexpr int kScanAll = 0x7fffffff;

  // A block of at least `granules` (not 0), left where it is; kNoNode if none was found, which is
  // certain with kScanAll.
  NodeIndex Find(const NodeTable& nodes, std::uint32_t granules, int scan = kScan) const {
    const Bin floor = Floor(granules);
    NodeIndex best = BestOf(nodes, heads_[floor.level][floor.slot], granules, scan);
    if (best != kNoNode) return best;
    Bin bin = Next(floor);
    std::uint32_t slots = bin.level < kLevels ? slots_[bin.level] & (~0u << bin.slot) : 0;
    if (slots == 0) {
      if (bin.level + 1 >= kLevels) return kNoNode;
      const std::uint32_t levels = levels_ & (~0u << (bin.level + 1));
      if (levels == 0) return kNoNode;
      bin.level = std::countr_zero(levels);
      slots = slots_[bin.level];
    }
    return BestOf(nodes, heads_[bin.level][std::countr_zero(slots)], granules, kScan);
  }

  // The size in granules of the largest block, or of one at most 1/32 smaller; 0 if empty.
  std::uint32_t Largest(const NodeTable& nodes) const;

  // Calls `visit(NodeIndex)` for every block of at least `granules` until it returns true; returns
  // whether it did. `visit` must not change the bins unless it returns true.
  template <typename Visit>
  bool AnyOfAtLeast(const NodeTable& nodes, std::uint32_t granules, Visit visit) const {
    const Bin floor = Floor(granules);
    for (std::uint32_t level = floor.level; level < kLevels; ++level) {
      for (std::uint32_t slot = level == floor.level ? floor.slot : 0; slot < kSlots; ++slot) {
        for (NodeIndex index = heads_[level][slot]; index != kNoNode;
             index = nodes[index].links.next) {
          if (nodes[index].granules >= granules && visit(index)) return true;
        }
      }
    }
    return false;
  }

 private:
  static constexpr std::uint32_t kSlotBits = 5;
  static constexpr std::uint32_t kSlots = 1 << kSlotBits;
  static constexpr std::uint32_t kLevels = 32 - kSlotBits + 1;

  struct Bin {
    std::uint32_t level;
    std::uint32_t slot;
  };

  // The bin that holds blocks of this size.
  static Bin Floor(std::uint32_t granules) {
    if (granules < kSlots) return {0, granules};
    const std::uint32_t exponent = std::bit_width(granules) - 1;
    return {exponent - kSlotBits + 1, (granules >> (exponent - kSlotBits)) & (kSlots - 1)};
  }

  static Bin Next(Bin bin) {
    if (++bin.slot == kSlots) return {bin.level + 1, 0};
    return bin;
  }

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
  std::array<std::array<NodeIndex, kSlots>, kLevels> heads_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_BINS_H_
