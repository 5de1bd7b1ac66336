#include "c_src/memory/pool.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace amdgpu {
namespace {

// Blocks per stream that one allocation takes back on its way: bounds its time.
constexpr int kDrainStep = 8;
constexpr int kDrainAll = 0x7fffffff;

std::uint32_t Granules(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(bytes / kGranuleBytes);
}

// Makes a block live. The caller has it for itself and does the counting.
Allocation GiveOut(const NodeTable& nodes, NodeIndex index, const AllocationRequest& request,
                   const Fence& pending) {
  Node& node = nodes[index];
  const std::uint64_t bytes = node.granules * kGranuleBytes;
  node.owner = request.owner;
  node.stream = static_cast<std::uint16_t>(request.stream);
  node.inherits = !pending.none();
  if (node.inherits) nodes.hold(index).ticket = pending.ticket;
  node.slack = static_cast<std::uint8_t>(bytes - std::max<std::uint64_t>(request.bytes, 1));
  const std::uint32_t tag = node.tag.load(std::memory_order_relaxed) + 1;
  node.tag.store(tag, std::memory_order_release);
  return {HandleOf(index, tag), node.offset * kGranuleBytes, bytes, pending};
}

// What is left to wait for of a block's fences.
struct Unpassed {
  Fence last;            // the latest, if of one stream only; none() if all have passed
  bool several = false;  // of several streams
};

Unpassed Remaining(const StreamClocks& clocks, absl::Span<const Fence> fences) {
  Unpassed left;
  for (const Fence& fence : fences) {
    if (clocks.Passed(fence)) continue;
    left.several |= !left.last.none() && left.last.stream != fence.stream;
    if (fence.ticket > left.last.ticket) left.last = fence;
  }
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
  if (granules <= StreamCache::kMaxGranules) {
    if (std::optional<Allocation> allocation = AllocateCached(request, granules)) {
      return *allocation;
    }
  }
  return AllocateShared(request, granules);
}

std::optional<Allocation> Pool::AllocateCached(const AllocationRequest& request,
                                               std::uint32_t granules) {
  StreamCache* const cache = cache_of_[request.stream].load(std::memory_order_acquire);
  if (cache == nullptr) return std::nullopt;
  AdaptiveLock lock(&cache->mutex);
  const NodeIndex index = cache->Peek(nodes_, granules);
  if (index == kNoNode) return std::nullopt;
  Fence pending{request.stream, nodes_.hold(index).ticket};
  if (clocks_.Passed(pending)) {
    pending = {};
  } else if (request.idle) {
    return std::nullopt;
  }
  cache->Pop(nodes_, granules);
  const Allocation allocation = GiveOut(nodes_, index, request, pending);
  cache->counters().Add(nodes_[index]);
  return allocation;
}

absl::StatusOr<Allocation> Pool::AllocateShared(const AllocationRequest& request,
                                                std::uint32_t granules) {
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
  Fence pending{request.stream, taken.ticket};
  if (clocks_.Passed(pending)) pending = {};
  const Allocation allocation = GiveOut(nodes_, taken.node, request, pending);
  counters_.Add(nodes_[taken.node]);
  return allocation;
}

absl::StatusOr<LiveBlock> Pool::Deallocate(BlockHandle handle, absl::Span<const Fence> fences) {
  for (const Fence& fence : fences) {
    if (fence.stream >= kMaxStreams) return CheckStream(fence.stream);
  }
  const NodeIndex index = NodeOf(handle);
  std::uint32_t tag = TagOf(handle);
  const bool live = index < nodes_.size() && tag % 2 == 1 &&
                    nodes_[index].tag.compare_exchange_strong(
                        tag, tag + 1, std::memory_order_acq_rel, std::memory_order_relaxed);
  if (!live) {
    return absl::FailedPreconditionError("the block was freed before or is not of this pool");
  }

  // From here on the block is ours.
  Node& node = nodes_[index];
  const LiveBlock block = Describe(node, handle);
  absl::InlinedVector<Fence, 4> all;
  if (node.inherits) {
    // Work from before the allocation counts too, whether the block was used since or not.
    all.assign(fences.begin(), fences.end());
    all.push_back({node.stream, nodes_.hold(index).ticket});
    fences = all;
  }
  const Unpassed left = Remaining(clocks_, fences);
  if (!left.several && node.granules <= StreamCache::kMaxGranules &&
      KeepInCache(index, left.last)) {
    return block;
  }
  AdaptiveLock lock(&mutex_);
  counters_.Subtract(node);
  if (left.several) {
    waiting_.push_back({index, {fences.begin(), fences.end()}});
    waiting_granules_ += node.granules;
  } else {
    tlsf_.Free(index, left.last);
  }
  return block;
}

bool Pool::KeepInCache(NodeIndex index, const Fence& pending) {
  if (cache_granules_ == 0) return false;
  Node& node = nodes_[index];
  StreamCache& cache = CacheOf(pending.none() ? node.stream : pending.stream);
  AdaptiveLock lock(&cache.mutex);
  if (!cache.Push(nodes_, index, cache_granules_)) return false;
  nodes_.hold(index).ticket = pending.ticket;
  cache.counters().Subtract(node);
  return true;
}

StreamCache& Pool::CacheOf(StreamId stream) {
  StreamCache* cache = cache_of_[stream].load(std::memory_order_acquire);
  if (cache != nullptr) return *cache;
  AdaptiveLock lock(&mutex_);
  cache = cache_of_[stream].load(std::memory_order_relaxed);
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
      const Fence fence{cache->stream(), nodes_.hold(index).ticket};
      tlsf_.Free(index, clocks_.Passed(fence) ? Fence{} : fence);
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
