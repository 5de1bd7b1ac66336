// What telemetry is told of a device, besides what its worker writes into the ring.

#include <algorithm>
#include <bitset>
#include <utility>
#include <vector>

#include "c_src/runtime/device_impl.h"

namespace amdgpu {

void DeviceImpl::FillWorker(proto::Worker* worker) const {
  // In this order: one that ends meanwhile has no number, and then its start is of no interest.
  worker->set_started_ns(worker_started_ns_.load());
  worker->set_pid(worker_pid_.load());
  worker->set_restarts(restarts_.load());
}

void DeviceImpl::FillPool(proto::Pool* pool, std::size_t most_owners) const {
  const MemoryReport report = MemoryTotals();
  pool->set_reserved_bytes(report.reserved);
  pool->set_used_bytes(report.used);
  pool->set_requested_bytes(report.requested);
  pool->set_peak_bytes(report.peak);
  pool->set_largest_free_bytes(report.largest_free);
  pool->set_limit_bytes(report.limit);
  pool->set_fragmentation_ratio(report.fragmentation_ratio);
  pool->set_pool_count(report.pool_count);
  pool->set_allocations_total(report.allocations);
  pool->set_frees_total(report.frees);
  if (most_owners == 0) return;
  std::vector<OwnerUse> owners;
  {
    AdaptiveLock lock(&mutex());
    owners = owners_.Uses();
  }
  pool->clear_owners();
  const std::size_t shown = std::min(most_owners, owners.size());
  for (const OwnerUse& use : absl::MakeConstSpan(owners).subspan(0, shown)) {
    proto::OwnerUse* const entry = pool->add_owners();
    entry->set_owner(use.owner);
    entry->set_bytes(use.bytes);
    entry->set_buffers(use.buffers);
  }
  pool->set_owners_omitted(owners.size() - shown);
}

void DeviceImpl::FillBlocks(proto::Pool* pool, std::size_t most) const {
  // Going through more than these would keep allocations waiting.
  constexpr std::uint64_t kLookedAt = 16384;
  const MemoryResource& memory = memory_->resource();
  for (const Region& region : memory.Regions()) {
    if (static_cast<std::size_t>(pool->regions_size()) == most) break;
    proto::PoolRegion* const entry = pool->add_regions();
    entry->set_offset(region.offset);
    entry->set_bytes(region.bytes);
  }
  const std::uint64_t live = memory.Stats().live_blocks;
  if (live > kLookedAt) {
    pool->set_blocks_omitted(live);
    return;
  }
  std::vector<LiveBlock> blocks;
  blocks.reserve(live + 64);
  memory.ForEachLive([&](const LiveBlock& block) { blocks.push_back(block); });
  if (blocks.size() > most) {
    std::nth_element(
        blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(most), blocks.end(),
        [](const LiveBlock& left, const LiveBlock& right) { return left.bytes > right.bytes; });
    pool->set_blocks_omitted(blocks.size() - most);
    blocks.resize(most);
  }
  std::sort(blocks.begin(), blocks.end(), [](const LiveBlock& left, const LiveBlock& right) {
    return left.offset < right.offset;
  });
  AdaptiveLock lock(&mutex());
  for (const LiveBlock& block : blocks) {
    proto::PoolBlock* const entry = pool->add_blocks();
    entry->set_offset(block.offset);
    entry->set_bytes(block.bytes);
    entry->set_owner(block.owner);
    entry->set_block(block.handle.value);
    entry->set_stream(block.stream);
    entry->set_allocated_ns(block_times_.Of(block.handle));
  }
}

std::size_t DeviceImpl::FillActive(std::size_t most,
                                   google::protobuf::RepeatedPtrField<proto::ActiveLaunch>* active,
                                   std::uint32_t* labels) const {
  // Of a long queue the beginning is looked at: the lock is the one that launches take.
  constexpr std::size_t kLookedAt = 128;
  // So many that have ended are taken in, so as to see those that have not. More are left to who
  // launches them by the thousand: it would wait for us meanwhile.
  constexpr std::uint64_t kMostEnded = 256;
  const std::uint64_t running = queue_->in_flight();
  if (running != 0 && queue_->undrained() > kMostEnded) return running;
  queue_->Drain();
  if (queue_->in_flight() == 0) return 0;
  std::bitset<kMaxStreams> busy;
  std::size_t looked_at = 0;
  std::size_t launches = 0;
  AdaptiveLock lock(&mutex());
  queue_->ForEachPending([&](const PendingCommand& command) {
    const bool first = !busy[command.stream];
    busy[command.stream] = true;
    if (command.kernel != nullptr) {
      if (launches < most) {
        proto::ActiveLaunch* const entry = active->Add();
        entry->set_ticket(command.ticket);
        entry->set_kernel(command.origin.kernel);
        entry->set_stream(command.stream);
        entry->set_owner(command.origin.owner);
        entry->set_queued_ns(command.submitted_ns);
        entry->set_first_in_stream(first);
        labels[launches] = command.origin.label;
      }
      ++launches;
    }
    return ++looked_at < kLookedAt;
  });
  const std::size_t in_flight = queue_->in_flight();
  return launches + (in_flight > looked_at ? in_flight - looked_at : 0);
}

std::uint64_t DeviceImpl::in_flight() const { return queue_->in_flight(); }

telemetry::HostCopies DeviceImpl::host_copies() const {
  telemetry::HostCopies copies;
  copies.count = host_copies_.load(std::memory_order_relaxed);
  copies.bytes = host_copied_bytes_.load(std::memory_order_relaxed);
  copies.busy_ns = host_copied_ns_.load(std::memory_order_relaxed);
  return copies;
}

void DeviceImpl::Report(proto::Event::Kind kind, std::string message, std::uint64_t bytes,
                        OwnerId owner) const {
  if (telemetry_ == nullptr) return;
  proto::Event event;
  event.set_kind(kind);
  event.set_device(telemetry_device_.load());
  event.set_message(std::move(message));
  event.set_bytes(bytes);
  event.set_owner(owner);
  telemetry_->AddEvent(std::move(event));
}

void DeviceImpl::ReportLost(absl::Span<const PendingCommand> commands,
                            const absl::Status& status) const {
  if (telemetry_ == nullptr) return;
  for (const PendingCommand& command : commands) {
    if (command.kernel == nullptr) continue;
    telemetry_->LoseLaunch(telemetry_device_.load(), command.ticket, command.origin.owner,
                           command.origin.kernel, command.origin.label, command.stream,
                           command.submitted_ns, static_cast<std::int32_t>(status.code()));
  }
}

}  // namespace amdgpu
