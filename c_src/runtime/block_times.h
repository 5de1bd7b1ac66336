// When the blocks of a pool were allocated: for who looks at the memory. The pool itself knows no
// times.

#ifndef AMDGPU_C_SRC_RUNTIME_BLOCK_TIMES_H_
#define AMDGPU_C_SRC_RUNTIME_BLOCK_TIMES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "c_src/memory/node_table.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Not thread-safe.
class BlockTimes {
 public:
  void Add(BlockHandle block, std::uint64_t now_ns) {
    const std::size_t place = NodeOf(block);
    if (place >= entries_.size()) entries_.resize(place + 1);
    entries_[place] = {block, now_ns};
  }

  // 0 = it was not added.
  std::uint64_t Of(BlockHandle block) const {
    const std::size_t place = NodeOf(block);
    if (place >= entries_.size() || entries_[place].block != block) return 0;
    return entries_[place].allocated_ns;
  }

 private:
  struct Entry {
    BlockHandle block;  // the last that had this place
    std::uint64_t allocated_ns = 0;
  };
  std::vector<Entry> entries_;  // by the pool's number of the block
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_BLOCK_TIMES_H_
