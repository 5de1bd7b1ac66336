#include "c_src/memory/pool.h"

#include <algorithm>
#include <cstddef>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

// Blocks per stream that one allocation takes back on its way: bounds its time.
constexpr int kDrainStep = 8;
constexpr int kDrainAll = 0x7fffffff;

std::uint32_t Granules(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(bytes / kGranuleBytes);
}

// Makes a block live, which the caller has for itself, and counts it. (Inlined and built in place:
// a result that is put together and then copied in wider pieces costs as much as a lock.)
ABSL_ATTRIBUTE_ALWAYS_INLINE inline absl::StatusOr<Allocation> GiveOut(
    const NodeTable& nodes, NodeIndex index, const AllocationRequest& request, const Fence& pending,
    std::uint32_t flags, BlockCounters& counters) {
  Node& node = nodes[index];
  const std::uint64_t bytes = node.granules * kGranuleBytes;
  node.owner = request.owner;
  node.stream.store(static_cast<std::uint16_t>(request.stream), std::memory_order_relaxed);
  node.slack = static_cast<std::uint8_t>(bytes - std::max<std::uint64_t>(request.bytes, 1));
  if (!pending.none()) {
    nodes.hold(index).ticket = pending.ticket;
    flags |= Node::kInherits;
  }
  constexpr std::uint32_t kFlags = Node::kGeneration - 1;
  const std::uint32_t generation = node.tag.load(std::memory_order_relaxed) & ~kFlags;
  const std::uint32_t tag = (generation + Node::kGeneration) | flags | Node::kLive;
  node.tag.store(tag, std::memory_order_relaxed);
  counters.Add(node);
  return absl::StatusOr<Allocation>(absl::in_place, HandleOf(index, tag),
                                    node.offset * kGranuleBytes, bytes, pending);
}

// Ends the life of a block, under the lock that guards it; false if it ended before.
bool Claim(Node& node, BlockHandle handle) {
  const std::uint32_t tag = TagOf(handle);
  if (node.tag.load(std::memory_order_relaxed) != tag) return false;
  node.tag.store(tag & ~Node::kLive, std::memory_order_relaxed);
  return true;
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
      cache_granules_(Granules(std::min(options.cache_bytes, kMaxOffset))),
      tlsf_(&nodes_) {}

Pool::~Pool() = default;

absl::StatusOr<Allocation> Pool::Allocate(const AllocationRequest& request) {
  if (request.stream >= kMaxStreams) return CheckStream(request.stream);
  if (request.bytes > kMaxOffset) {
    return absl::InvalidArgumentError(
        absl::StrCat("a block of ", request.bytes, " bytes: the pool reaches to ", kMaxOffset));
  }
  const std::uint32_t granules = Granules(RoundToGranules(request.bytes));
  if (!IsCacheable(granules)) return AllocateShared(request, granules, /*flags=*/0);

  StreamCache* const cache = cache_of_[request.stream].load(std::memory_order_acquire);
  if (cache != nullptr) {
    AdaptiveLock lock(&cache->mutex);
    const NodeIndex index = cache->Peek(nodes_, granules);
    if (index != kNoNode) {
      const Fence pending = PendingOf(request.stream, nodes_.hold(index).ticket);
      if (pending.none() || !request.idle) {
        cache->Pop(nodes_, granules);
        return GiveOut(nodes_, index, request, pending, Node::kCacheable, cache->counters());
      }
    }
  }
  return AllocateShared(request, granules, Node::kCacheable);
}

absl::StatusOr<Allocation> Pool::AllocateShared(const AllocationRequest& request,
                                                std::uint32_t granules, std::uint32_t flags) {
  AdaptiveLock lock(&mutex_);
  Drain(kDrainStep);
  Tlsf::Request wanted{.granules = granules, .stream = request.stream, .idle = request.idle};
  Tlsf::Taken taken = tlsf_.Allocate(wanted);
  if (taken.node == kNoNode) {
    FlushCaches();
    Drain(kDrainAll);
    wanted.thorough = true;
    taken = tlsf_.Allocate(wanted);
  }
  if (taken.node == kNoNode) {
    if (!nodes_.HasRoom(1)) return absl::ResourceExhaustedError("the pool has too many blocks");
    return NeedsBytesError(granules * kGranuleBytes);
  }
  const Fence pending = PendingOf(request.stream, taken.ticket);
  return GiveOut(nodes_, taken.node, request, pending, flags, counters_);
}

Fence Pool::PendingOf(StreamId stream, Ticket ticket) const {
  const Fence fence{stream, ticket};
  return clocks_.Passed(fence) ? Fence{} : fence;
}

absl::StatusOr<LiveBlock> Pool::Deallocate(BlockHandle handle, absl::Span<const Fence> fences) {
  for (const Fence& fence : fences) {
    if (fence.stream >= kMaxStreams) return CheckStream(fence.stream);
  }
  const NodeIndex index = NodeOf(handle);
  const std::uint32_t tag = TagOf(handle);
  if (index >= nodes_.size() || (tag & Node::kLive) == 0) return StaleHandle();
  Node& node = nodes_[index];
  // Earlier work counts too, whether the block was used since or not.
  const auto inherited = [&] {
    if ((tag & Node::kInherits) == 0) return Fence{};
    return Fence{node.stream.load(std::memory_order_relaxed), nodes_.hold(index).ticket};
  };
  if ((tag & Node::kCacheable) == 0) {
    AdaptiveLock lock(&mutex_);
    if (!Claim(node, handle)) return StaleHandle();
    counters_.Subtract(node);
    const LiveBlock block = Describe(node, handle);
    Free(index, fences, inherited());
    return block;
  }

  // While the block is live its stream does not change, and so every caller takes the same lock; if
  // it is not, the tag differs and any lock will do.
  LiveBlock block;
  Fence before;
  {
    StreamCache& cache = CacheOf(node.stream.load(std::memory_order_relaxed));
    AdaptiveLock lock(&cache.mutex);
    if (!Claim(node, handle)) return StaleHandle();
    cache.counters().Subtract(node);
    block = Describe(node, handle);
    before = inherited();
    const Unpassed left = Remaining(clocks_, fences, before);
    const bool in_order = left.last.none() || left.last.stream == cache.stream();
    if (!left.several && in_order && cache.Push(nodes_, index, cache_granules_)) {
      nodes_.hold(index).ticket = left.last.ticket;
      return block;
    }
  }
  AdaptiveLock lock(&mutex_);
  Free(index, fences, before);
  return block;
}

void Pool::Free(NodeIndex index, absl::Span<const Fence> fences, const Fence& inherited) {
  const Unpassed left = Remaining(clocks_, fences, inherited);
  if (!left.several) {
    tlsf_.Free(index, left.last);
    return;
  }
  Waiting waiting{index, {fences.begin(), fences.end()}};
  if (!inherited.none()) waiting.fences.push_back(inherited);
  waiting_granules_ += nodes_[index].granules;
  waiting_.push_back(std::move(waiting));
}

StreamCache& Pool::CacheOf(StreamId stream) {
  StreamCache* const cache = cache_of_[stream].load(std::memory_order_acquire);
  return cache != nullptr ? *cache : MakeCache(stream);
}

StreamCache& Pool::MakeCache(StreamId stream) {
  AdaptiveLock lock(&mutex_);
  StreamCache* cache = cache_of_[stream].load(std::memory_order_relaxed);
  if (cache == nullptr) {
    caches_.push_back(std::make_unique<StreamCache>(stream));
    cache = caches_.back().get();
    cache_of_[stream].store(cache, std::memory_order_release);
  }
  return *cache;
}

void Pool::FlushCaches() {
  for (const std::unique_ptr<StreamCache>& cache : caches_) {
    AdaptiveLock lock(&cache->mutex);
    cache->Flush(nodes_, [&](NodeIndex index) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      tlsf_.Free(index, PendingOf(cache->stream(), nodes_.hold(index).ticket));
    });
  }
}

void Pool::Drain(int budget) {
  tlsf_.Drain(clocks_, budget);
  if (!waiting_.empty()) DrainWaiting(budget);
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
