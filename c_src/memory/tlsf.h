// Two-level segregated fit over several regions, with free memory that waits for a stream.
//
// Sizes and offsets are in granules. Blocks that touch form chains (Node::before, Node::after)
// between two sentinels; a chain is a run of regions that touch and are of one arena. Neighbours
// that are free in the same way become one block at once.

#ifndef AMDGPU_C_SRC_MEMORY_TLSF_H_
#define AMDGPU_C_SRC_MEMORY_TLSF_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "c_src/memory/bins.h"
#include "c_src/memory/node_table.h"
#include "c_src/memory/stream_clock.h"
#include "c_src/memory/types.h"

namespace amdgpu {

// Not thread-safe. `nodes` is shared with the owner of the blocks, who may keep what it likes in
// the nodes it holds, except offset, granules, before, after and place.
class Tlsf {
 public:
  struct Request {
    std::uint32_t granules = 1;  // not 0
    StreamId stream = 0;
    bool idle = false;      // only what is free for everyone
    bool thorough = false;  // take longer rather than find nothing
  };

  struct Taken {
    NodeIndex node = kNoNode;  // kNoNode: no room
    // Earlier work of the stream that may still use the block; 0 is none.
    Ticket ticket = 0;
  };

  explicit Tlsf(NodeTable* nodes) : nodes_(*nodes) {}

  // As MemoryResource's, in granules.
  absl::Status AddRegion(std::uint32_t offset, std::uint32_t granules, std::uint32_t arena);
  absl::Status RemoveRegion(std::uint32_t offset);
  std::vector<Region> Regions() const;
  std::vector<Region> FreeRegions() const;

  // A block of exactly that length, from what the stream alone may have or else from what everyone
  // may. kNoNode also if NodeTable is full.
  Taken Allocate(const Request& request);
  // The same from what everyone may have, for when nothing is fenced: faster.
  NodeIndex AllocateShared(std::uint32_t granules);

  // Frees a block, for everyone if `pending` is none and else for its stream until it has passed.
  void Free(NodeIndex index, const Fence& pending) {
    taken_ -= nodes_[index].granules;
    --taken_blocks_;
    if (pending.none()) {
      FreeShared(index);
    } else {
      FreeFenced(index, pending);
    }
  }

  // Frees for everyone what has passed its fence: at most `budget` blocks of each stream.
  void Drain(const StreamClocks& clocks, int budget);

  std::uint64_t reserved() const { return reserved_; }
  // In blocks that were allocated and not freed.
  std::uint64_t taken() const { return taken_; }
  std::uint64_t taken_blocks() const { return taken_blocks_; }
  // Free for one stream only.
  std::uint64_t fenced() const { return fenced_; }
  std::size_t region_count() const { return regions_.size(); }
  // See Bins::Largest.
  std::uint32_t largest_free() const;
  // The fence of each stream's oldest free block.
  std::vector<Fence> PendingFences() const;

 private:
  struct RegionEntry {
    std::uint32_t granules;
    std::uint32_t arena;
  };
  struct Chain {
    std::uint32_t end;
    std::uint32_t arena;
    NodeIndex head;  // sentinels
    NodeIndex tail;
  };
  // The free memory of one stream: by size, and in the order of being freed.
  struct StreamSet {
    StreamId stream = 0;
    Bins bins;
    NodeIndex oldest = kNoNode;
    NodeIndex newest = kNoNode;
  };

  Taken Take(const Request& request);
  NodeIndex TakeShared(std::uint32_t granules, int scan);
  void CountTaken(std::uint32_t granules) {
    taken_ += granules;
    ++taken_blocks_;
  }
  NodeIndex MakeBlock(std::uint32_t offset, std::uint32_t granules);
  void Link(NodeIndex before, NodeIndex after);
  // Cuts `index` to `granules`; the rest becomes a block of its own, in no set, which is returned.
  NodeIndex Split(NodeIndex index, std::uint32_t granules);
  // Makes `second` a part of `first`, which it follows.
  void Absorb(NodeIndex first, NodeIndex second);

  Taken TakeFenced(StreamSet& set, NodeIndex index, std::uint32_t granules);
  // From a run of blocks of the set and of shared ones, for when neither alone has enough. The rest
  // of the run is the stream's alone until its fence has passed.
  Taken TakeRun(StreamSet& set, std::uint32_t granules);
  // Makes one block of the set from blocks in it and shared ones, from `first` on.
  NodeIndex JoinRun(StreamSet& set, NodeIndex first, std::uint32_t granules);
  bool IsIn(const StreamSet& set, NodeIndex index) const;
  void FreeShared(NodeIndex index);
  void FreeFenced(NodeIndex index, const Fence& pending);
  StreamSet& SetOf(StreamId stream);
  void Insert(StreamSet& set, NodeIndex index, Ticket ticket);
  void Remove(StreamSet& set, NodeIndex index);

  // The shared block that covers the region, kNoNode if there is none.
  NodeIndex FreeBlockOver(std::uint32_t offset, std::uint32_t granules) const;
  // Takes the granules of `index`, a block in no set that is the whole of a region, out of its
  // chain.
  void CutOut(NodeIndex index);

  NodeTable& nodes_;
  Bins shared_;
  std::vector<std::unique_ptr<StreamSet>> sets_;  // by stream
  std::vector<StreamSet*> busy_;                  // perhaps not empty
  std::map<std::uint32_t, RegionEntry> regions_;  // by offset
  std::map<std::uint32_t, Chain> chains_;         // by offset
  std::uint64_t reserved_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t taken_blocks_ = 0;
  std::uint64_t fenced_ = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_TLSF_H_
