// The records of the pool's blocks, kept apart from the memory they describe.

#ifndef AMDGPU_C_SRC_MEMORY_NODE_TABLE_H_
#define AMDGPU_C_SRC_MEMORY_NODE_TABLE_H_

#include <cstdint>

#include "c_src/memory/types.h"

namespace amdgpu {

using NodeIndex = std::uint32_t;
// No block. The node exists: what is written to it is of no meaning.
inline constexpr NodeIndex kNoNode = 0;

// Which of Tlsf's sets a node is in.
enum class Place : std::uint8_t {
  kTaken,   // none: live, cached, waiting, a sentinel, or no block at all
  kShared,  // free for everyone
  kFenced,  // free for Node::stream, for others once Hold::ticket has passed
};

// One block, or a sentinel of length 0 at either end of a chain of blocks. Two to a cache line.
struct Node {
  static constexpr std::uint32_t kLive = 1;
  static constexpr std::uint32_t kCacheable = 2;  // goes to its stream's cache when freed
  static constexpr std::uint32_t kInherits = 4;   // earlier work, Hold::ticket, may still use it
  static constexpr std::uint32_t kGeneration = 8;
  static constexpr std::uint32_t kFlags = kGeneration - 1;

  struct Links {
    NodeIndex previous;
    NodeIndex next;
  };

  std::uint32_t offset;    // in granules
  std::uint32_t granules;  // length
  NodeIndex before;        // neighbours in memory
  NodeIndex after;
  union {
    Links links;    // not live: neighbours in the list the node is in
    OwnerId owner;  // live
  };
  // How often the node was allocated (multiples of kGeneration), and the flags above. A handle
  // holds the tag of its allocation: it is live while the node's is the same.
  std::uint32_t tag;
  std::uint16_t stream;  // live: that allocated it; Place::kFenced: that may have it
  Place place;
  std::uint8_t slack;  // live: bytes of the block beyond those requested
};
static_assert(sizeof(Node) == 32);

// The handle of the live block `index`, whose tag it carries.
inline BlockHandle HandleOf(NodeIndex index, std::uint32_t tag) {
  return {std::uint64_t{index} << 32 | tag};
}
inline NodeIndex NodeOf(BlockHandle handle) { return static_cast<NodeIndex>(handle.value >> 32); }
inline std::uint32_t TagOf(BlockHandle handle) { return static_cast<std::uint32_t>(handle.value); }

// What a block is, to whom holds it; `handle` is passed through.
inline LiveBlock Describe(const Node& node, BlockHandle handle) {
  const std::uint64_t bytes = node.granules * kGranuleBytes;
  return {.handle = handle,
          .offset = node.offset * kGranuleBytes,
          .bytes = bytes,
          .requested = bytes - node.slack,
          .owner = node.owner,
          .stream = node.stream};
}

// The rest of a block whose memory is perhaps still used by earlier work.
struct Hold {
  Ticket ticket;      // of Node::stream; 0 is none
  Node::Links links;  // in Place::kFenced: neighbours in the order of being freed
};

// An array that grows in place: address space for all nodes is reserved, memory comes as they are
// used. References stay valid. Not thread-safe.
class NodeTable {
 public:
  NodeTable();
  ~NodeTable();
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  Node& operator[](NodeIndex index) const { return nodes_[index]; }
  Hold& hold(NodeIndex index) const { return holds_[index]; }

  // Indices below this one and above kNoNode are valid.
  NodeIndex size() const { return size_; }

  // True if `count` more nodes can be made.
  bool HasRoom(std::uint32_t count) const { return used_ + count <= capacity_; }

  // A node with no tag changed and the rest unset; HasRoom(1).
  NodeIndex Make() {
    ++used_;
    if (free_ == kNoNode) return size_++;
    const NodeIndex index = free_;
    free_ = nodes_[index].links.next;
    return index;
  }

  void Drop(NodeIndex index) {
    --used_;
    Node& node = nodes_[index];
    node.place = Place::kTaken;
    node.links.next = free_;
    free_ = index;
  }

 private:
  Node* nodes_ = nullptr;
  Hold* holds_ = nullptr;
  NodeIndex size_ = kNoNode + 1;
  NodeIndex free_ = kNoNode;
  std::uint32_t used_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_NODE_TABLE_H_
