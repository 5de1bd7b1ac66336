#include "c_src/memory/node_table.h"

namespace amdgpu {

NodeTable::~NodeTable() {
  for (std::atomic<Chunk*>& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

NodeIndex NodeTable::Grow() {
  const NodeIndex index = size_.load(std::memory_order_relaxed);
  if (index % kChunkNodes == 0) {
    chunks_[index / kChunkNodes].store(new Chunk(), std::memory_order_relaxed);
  }
  // Publishes the chunk together with the new size.
  size_.store(index + 1, std::memory_order_release);
  return index;
}

}  // namespace amdgpu
