#include "c_src/memory/pool.h"

#include <algorithm>
#include <cstddef>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

// Blocks per stream that one allocation takes back on its way: bounds its time.
constexpr int kDrainStep = 8;
// Field by field: see Pool::GiveOut.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline absl::StatusOr<LiveBlock> Freed(const LiveBlock& block) {
  return absl::StatusOr<LiveBlock>(absl::in_place, block.handle, block.offset, block.bytes,
                                   block.requested, block.owner, block.stream);
}

absl::Status StaleHandle() {
  return absl::FailedPreconditionError("the block was freed before or is not of this pool");
}

// What is left to wait for of a block's uses.
struct Unpassed {
  Fence last;            // the latest, if of one stream only; none() if all have passed
  bool several = false;  // of several streams
};

Unpassed Remaining(const StreamClocks& clocks, absl::Span<const Fence> fences,
                   const Fence& inherited = {}) {
  Unpassed left;
  const auto add = [&](const Fence& fence) {
    if (clocks.Passed(fence)) return;
    left.several |= !left.last.none() && left.last.stream != fence.stream;
    if (fence.ticket > left.last.ticket) left.last = fence;
  };
  for (const Fence& fence : fences) add(fence);
  if (!inherited.none()) add(inherited);
  return left;
}

absl::Status CheckStream(StreamId stream) {
  if (stream < kMaxStreams) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("stream ", stream, " is not below ", kMaxStreams));
}

}  // namespace

Pool::Pool(const StreamClocks* clocks, const PoolOptions& options)
    : clocks_(*clocks),
      cache_granules_(GranulesOf(std::min(options.cache_bytes, kMaxOffset))),
      tlsf_(&nodes_) {}

Pool::~Pool() = default;

inline Fence Pool::PendingOf(StreamId stream, Ticket ticket) const {
  if (ticket == 0) return Fence{};
  const Fence fence{stream, ticket};
  return clocks_.Passed(fence) ? Fence{} : fence;
}

inline Node* Pool::Find(BlockHandle handle) const {
  const NodeIndex index = NodeOf(handle);
  const std::uint32_t tag = TagOf(handle);
  if (index >= nodes_.size() || (tag & Node::kLive) == 0) return nullptr;
  Node& node = nodes_[index];
  return node.tag == tag ? &node : nullptr;
}

// Allocate and Deallocate call nothing but the functions they end with on their short ways, through
// the cache: then they need no registers saved.

absl::StatusOr<Allocation> Pool::Allocate(const AllocationRequest& request) {
  if (request.stream >= kMaxStreams || request.bytes > kMaxOffset) return Refuse(request);
  const std::uint32_t granules = GranulesOf(RoundToGranules(request.bytes));
  if (!IsCacheable(granules)) return AllocateShared(request, granules, /*flags=*/0);
  StreamCache* const cache = cache_of_[request.stream].get();
  if (cache == nullptr) return AllocateFirst(request, granules);
  const NodeIndex index = cache->Peek(granules);
  if (index == kNoNode) return AllocateShared(request, granules, Node::kCacheable);
  if ((nodes_[index].tag & Node::kInherits) != 0) return AllocateHeld(request, granules);
  cache->Pop(nodes_, granules);
  return GiveOut(index, request, Fence{}, Node::kCacheable);
}

absl::StatusOr<Allocation> Pool::Refuse(const AllocationRequest& request) {
  if (absl::Status status = CheckStream(request.stream); !status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("a block of ", request.bytes, " bytes: the pool reaches to ", kMaxOffset));
}

absl::StatusOr<Allocation> Pool::AllocateFirst(const AllocationRequest& request,
                                               std::uint32_t granules) {
  cache_of_[request.stream] = std::make_unique<StreamCache>(request.stream);
  caches_.push_back(cache_of_[request.stream].get());
  return AllocateShared(request, granules, Node::kCacheable);
}

absl::StatusOr<Allocation> Pool::AllocateHeld(const AllocationRequest& request,
                                              std::uint32_t granules) {
  StreamCache& cache = *cache_of_[request.stream];
  const NodeIndex index = cache.Peek(granules);
  const Fence pending = PendingOf(request.stream, nodes_.hold(index).ticket);
  if (request.idle && !pending.none()) return AllocateShared(request, granules, Node::kCacheable);
  cache.Pop(nodes_, granules);
  return GiveOut(index, request, pending, Node::kCacheable);
}

absl::StatusOr<Allocation> Pool::AllocateShared(const AllocationRequest& request,
                                                std::uint32_t granules, std::uint32_t flags) {
  if (tlsf_.fenced() == 0 && waiting_.empty()) {
    const NodeIndex index = tlsf_.AllocateShared(granules);
    if (index != kNoNode) return GiveOut(index, request, Fence{}, flags);
  }
  return AllocateAny(request, granules, flags);
}

absl::StatusOr<Allocation> Pool::AllocateAny(const AllocationRequest& request,
                                             std::uint32_t granules, std::uint32_t flags) {
  Drain(kDrainStep);
  Tlsf::Request wanted{.granules = granules, .stream = request.stream, .idle = request.idle};
  Tlsf::Taken taken = tlsf_.Allocate(wanted);
  if (taken.node == kNoNode) {
    FlushCaches();
    Drain(kDrainAll);
    wanted.thorough = true;
    taken = tlsf_.Allocate(wanted);
    if (taken.node == kNoNode) return NoRoom(granules);
  }
  return GiveOut(taken.node, request, PendingOf(request.stream, taken.ticket), flags);
}

absl::Status Pool::NoRoom(std::uint32_t granules) const {
  if (!nodes_.HasRoom(1)) return absl::ResourceExhaustedError("the pool has too many blocks");
  return NeedsBytesError(granules * kGranuleBytes);
}

// Built in place: a result that is put together and then copied in wider pieces stalls.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline absl::StatusOr<Allocation> Pool::GiveOut(
    NodeIndex index, const AllocationRequest& request, const Fence& pending, std::uint32_t flags) {
  Node& node = nodes_[index];
  const std::uint64_t bytes = node.granules * kGranuleBytes;
  node.owner = request.owner;
  node.stream = static_cast<std::uint16_t>(request.stream);
  node.slack = static_cast<std::uint8_t>(bytes - std::max<std::uint64_t>(request.bytes, 1));
  if (!pending.none()) {
    nodes_.hold(index).ticket = pending.ticket;
    flags |= Node::kInherits;
  }
  node.tag = ((node.tag & ~Node::kFlags) + Node::kGeneration) | flags | Node::kLive;
  slack_ += node.slack;
  return absl::StatusOr<Allocation>(absl::in_place, HandleOf(index, node.tag),
                                    node.offset * kGranuleBytes, bytes, pending);
}

absl::StatusOr<LiveBlock> Pool::Reassign(BlockHandle handle, OwnerId owner) {
  Node* const node = Find(handle);
  if (node == nullptr) return StaleHandle();
  const LiveBlock block = Describe(*node, handle);
  node->owner = owner;
  return block;
}

absl::StatusOr<LiveBlock> Pool::Deallocate(BlockHandle handle, absl::Span<const Fence> fences) {
  Node* const found = Find(handle);
  if (found == nullptr || !fences.empty() || (found->tag & Node::kInherits) != 0) {
    return DeallocateUsed(handle, fences);
  }
  Node& node = *found;
  const LiveBlock block = Describe(node, handle);
  node.tag &= ~Node::kLive;
  slack_ -= node.slack;
  const bool cached = (node.tag & Node::kCacheable) != 0 &&
                      cache_of_[node.stream]->Push(nodes_, NodeOf(handle), cache_granules_);
  if (!cached) tlsf_.Free(NodeOf(handle), Fence{});
  return Freed(block);
}

absl::StatusOr<LiveBlock> Pool::DeallocateUsed(BlockHandle handle, absl::Span<const Fence> fences) {
  for (const Fence& fence : fences) {
    if (fence.stream >= kMaxStreams) return CheckStream(fence.stream);
  }
  Node* const node = Find(handle);
  if (node == nullptr) return StaleHandle();
  const LiveBlock block = Describe(*node, handle);
  node->tag &= ~Node::kLive;
  slack_ -= node->slack;
  Free(NodeOf(handle), *node, fences);
  return Freed(block);
}

void Pool::Free(NodeIndex index, Node& node, absl::Span<const Fence> fences) {
  // Earlier work counts too, whether the block was used since or not.
  Fence inherited;
  if ((node.tag & Node::kInherits) != 0) inherited = {node.stream, nodes_.hold(index).ticket};
  const Unpassed left = Remaining(clocks_, fences, inherited);
  if (left.several) {
    Waiting waiting{index, {fences.begin(), fences.end()}};
    if (!inherited.none()) waiting.fences.push_back(inherited);
    waiting_granules_ += node.granules;
    waiting_.push_back(std::move(waiting));
    return;
  }
  const bool in_order = left.last.none() || left.last.stream == node.stream;
  if (in_order && (node.tag & Node::kCacheable) != 0 &&
      cache_of_[node.stream]->Push(nodes_, index, cache_granules_)) {
    node.tag &= ~Node::kInherits;
    if (left.last.none()) return;
    node.tag |= Node::kInherits;
    nodes_.hold(index).ticket = left.last.ticket;
  } else {
    tlsf_.Free(index, left.last);
  }
}

void Pool::FlushCaches() {
  for (StreamCache* cache : caches_) {
    cache->Flush(nodes_, [&](NodeIndex index) {
      const bool held = (nodes_[index].tag & Node::kInherits) != 0;
      tlsf_.Free(index, held ? PendingOf(cache->stream(), nodes_.hold(index).ticket) : Fence{});
    });
  }
}

void Pool::DrainWaiting(int budget) {
  const std::size_t steps = std::min<std::size_t>(budget, waiting_.size());
  for (std::size_t step = 0; step < steps; ++step) {
    if (next_waiting_ >= waiting_.size()) next_waiting_ = 0;
    Waiting& waiting = waiting_[next_waiting_];
    const Unpassed left = Remaining(clocks_, waiting.fences);
    if (left.several) {
      ++next_waiting_;
      continue;
    }
    waiting_granules_ -= nodes_[waiting.node].granules;
    tlsf_.Free(waiting.node, left.last);
    waiting = std::move(waiting_.back());
    waiting_.pop_back();
  }
}

}  // namespace amdgpu
