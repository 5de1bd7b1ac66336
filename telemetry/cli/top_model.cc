#include "telemetry/cli/top_model.h"

#include <algorithm>
#include <utility>

namespace amdgpu::cli {
namespace {

double PerSecond(std::uint64_t now, std::uint64_t before, double seconds) {
  return now > before && seconds > 0 ? static_cast<double>(now - before) / seconds : 0;
}

}  // namespace

void TopModel::Add(const proto::Frame& frame) {
  const bool other = frame.runtime().pid() != frame_.runtime().pid() ||
                     frame.runtime().started_ns() != frame_.runtime().started_ns() ||
                     frame.sequence() <= frame_.sequence();
  if (empty() || other) {
    kernels_.clear();
    owners_.clear();
    frames_ = 0;
    taken_ns_ = frame.time_ns() - frame.interval_ns();
  }
  frame_ = frame;
  ++frames_;
  for (const proto::KernelStats& kernel : frame.kernels()) {
    const auto known = kernels_.find(kernel.kernel());
    if (known != kernels_.end()) {
      known->second.now = kernel;
    } else if (kernels_.size() < kMaxKernels) {
      // What it did before we looked is no rate of now.
      proto::Work before = kernel.work();
      const std::uint64_t launches = before.interval_launches();
      before.set_launches_total(before.launches_total() -
                                std::min(before.launches_total(), launches));
      before.set_busy_ns_total(before.busy_ns_total() -
                               std::min(before.busy_ns_total(), before.interval_busy_ns()));
      kernels_[kernel.kernel()] = {kernel, std::move(before)};
    }
  }
  for (const proto::Owner& owner : frame.owners()) {
    if (owners_.size() < kMaxOwners || owners_.contains(owner.owner())) {
      owners_[owner.owner()].owner = owner;
    }
  }
  for (auto& [number, owner] : owners_) owner.bytes = owner.buffers = 0;
  for (const proto::DeviceSample& device : frame.devices()) {
    for (const proto::OwnerUse& use : device.pool().owners()) {
      const auto owner = owners_.find(use.owner());
      if (owner == owners_.end()) continue;
      owner->second.bytes += use.bytes();
      owner->second.buffers += use.buffers();
    }
  }
  for (const proto::Launch& launch : frame.launches()) {
    const auto owner = owners_.find(launch.owner());
    if (owner != owners_.end()) ++owner->second.launches;
  }
}

Snapshot TopModel::Take() {
  Snapshot snapshot;
  snapshot.frame = frame_;
  const double seconds = static_cast<double>(frame_.time_ns() - taken_ns_) * 1e-9;
  snapshot.frames_per_second = seconds > 0 ? static_cast<double>(frames_) / seconds : 0;
  for (auto& [number, kernel] : kernels_) {
    const proto::Work& now = kernel.now.work();
    const proto::Work& before = kernel.before;
    KernelRow row;
    row.name = kernel.now.name();
    row.core_class = kernel.now.core_class();
    row.device = kernel.now.device();
    row.queued = now.queued();
    row.launches_per_second = PerSecond(now.launches_total(), before.launches_total(), seconds);
    row.busy_ratio = PerSecond(now.busy_ns_total(), before.busy_ns_total(), seconds) * 1e-9;
    row.bytes_per_second = PerSecond(now.bytes_total(), before.bytes_total(), seconds);
    row.flops_per_second = PerSecond(now.flops_total(), before.flops_total(), seconds);
    row.p50_ns = now.p50_ns();
    row.p99_ns = now.p99_ns();
    row.occupancy = now.occupancy();
    row.failed_total = now.failed_total();
    snapshot.kernels.push_back(std::move(row));
    // A frame without news of a kernel leaves it as it was.
    if (seconds > 0) kernel.before = now;
  }
  for (auto& [number, owner] : owners_) {
    OwnerRow row;
    row.process = owner.owner.process();
    row.name = owner.owner.name();
    row.bytes = owner.bytes;
    row.buffers = owner.buffers;
    row.launches_per_second = PerSecond(owner.launches, 0, seconds);
    if (row.bytes != 0 || row.buffers != 0 || owner.launches != 0) {
      snapshot.owners.push_back(std::move(row));
    }
    owner.launches = 0;
  }
  if (seconds > 0) {
    frames_ = 0;
    taken_ns_ = frame_.time_ns();
  }
  return snapshot;
}

}  // namespace amdgpu::cli
