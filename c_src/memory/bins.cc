#include "c_src/memory/bins.h"

#include <algorithm>

namespace amdgpu {

std::uint32_t Bins::Largest(const NodeTable& nodes) const {
  if (levels_ == 0) return 0;
  const std::uint32_t level = std::bit_width(levels_) - 1;
  const std::uint32_t slot = std::bit_width(slots_[level]) - 1;
  // All blocks of a bin are within 1/32: a long list need not be walked to its end.
  constexpr int kEnough = 64;
  std::uint32_t largest = 0;
  int seen = 0;
  for (NodeIndex index = heads_[level * kSlots + slot]; index != kNoNode && seen < kEnough;
       ++seen) {
    largest = std::max(largest, nodes[index].granules);
    index = nodes[index].links.next;
  }
  return largest;
}

}  // namespace amdgpu
