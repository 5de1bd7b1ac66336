#include "gpu/host/driver/launch.h"

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gpu/host/abi.h"
#include "gpu/host/driver/device_print.h"
#include "gpu/host/driver/kernel_thread.h"
#include "gpu/host/driver/running_launch.h"

namespace amdgpu::host {
namespace {

std::string ToString(const gpu::Dim3& shape) {
  return absl::StrCat(shape.x, "x", shape.y, "x", shape.z);
}

class LaunchTask final : public Task {
 public:
  LaunchTask(gpu::Ticket ticket, const gpu::LaunchParams& launch, Kernel& kernel,
             std::atomic<std::uint64_t>& in_flight, gpu::CompletionSink& sink)
      : Task(ticket, launch.grid.Volume()),
        kernel_(kernel),
        in_flight_(in_flight),
        block_volume_(static_cast<double>(launch.block.Volume())),
        print_(sink, ticket) {
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    shape_ = {.grid = {launch.grid.x, launch.grid.y, launch.grid.z},
              .block = {launch.block.x, launch.block.y, launch.block.z},
              .first = 0,
              .last = 0,
              .dynamic_shared = nullptr,
              .exchange = nullptr};
    args_ = inline_args_;
    if (launch.args.size() > sizeof(inline_args_)) {
      large_args_ = std::make_unique<LargeArgs>();
      args_ = large_args_->bytes;
    }
    if (!launch.args.empty()) std::memcpy(args_, launch.args.data(), launch.args.size());
  }

  ~LaunchTask() override { in_flight_.fetch_sub(1, std::memory_order_release); }

  void Run(std::uint64_t first, std::uint64_t last) override {
    const KernelThreadResources& resources = *KernelThread::Current();
    BlockRange range = shape_;
    range.first = static_cast<std::uint32_t>(first);
    range.last = static_cast<std::uint32_t>(last);
    range.dynamic_shared = resources.dynamic_shared;
    range.exchange = resources.exchange;
    RunningLaunch running;
    running.ticket = ticket();
    running.function = kernel_.handle;
    running.first_block = range.first;
    running.last_block = range.last;
    running.print = &print_;
    SetCurrentLaunch(&running);
    kernel_.run(args_, &range);
    SetCurrentLaunch(nullptr);
  }

  void Finish(double unit_ns) override {
    kernel_.Learn(unit_ns / block_volume_);
    print_.Finish();
  }

  double ExpectedUnitNs() const override {
    return static_cast<double>(kernel_.thread_ns.load(std::memory_order_relaxed)) * block_volume_;
  }

  bool NeedsKernelThread() const override { return true; }

 private:
  struct alignas(kBufferAlignment) LargeArgs {
    std::byte bytes[4096];
  };

  Kernel& kernel_;
  std::atomic<std::uint64_t>& in_flight_;
  const double block_volume_;
  PrintStream print_;
  BlockRange shape_;
  std::byte* args_ = nullptr;
  std::unique_ptr<LargeArgs> large_args_;
  alignas(kBufferAlignment) std::byte inline_args_[256];
};

}  // namespace

absl::Status CheckLaunch(const gpu::LaunchParams& launch, const gpu::KernelInfo& info,
                         const gpu::Dim3& block_shape) {
  const gpu::Dim3& grid = launch.grid;
  const gpu::Dim3& block = launch.block;
  if (grid.Volume() == 0 || block.Volume() == 0) {
    return absl::InvalidArgumentError(absl::StrCat("a grid of ", ToString(grid), " blocks of ",
                                                   ToString(block), " threads is empty"));
  }
  if (block.x > kMaxThreadsPerBlock || block.y > kMaxThreadsPerBlock ||
      block.z > kMaxThreadsPerBlock || block.Volume() > kMaxThreadsPerBlock) {
    return absl::InvalidArgumentError(absl::StrCat("a block of ", ToString(block),
                                                   " threads has more than ", kMaxThreadsPerBlock));
  }
  if (info.max_threads_per_block() != 0 && block.Volume() > info.max_threads_per_block()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a block of ", ToString(block), " threads has more than the ",
                     info.max_threads_per_block(), " of ", info.name(), "'s launch bounds"));
  }
  if (block_shape.x != 0 && block != block_shape) {
    return absl::InvalidArgumentError(absl::StrCat("this code of ", info.name(),
                                                   " is for blocks of ", ToString(block_shape),
                                                   ", not of ", ToString(block)));
  }
  if (std::uint64_t{grid.x} * block.x >= kMaxGridThreads ||
      std::uint64_t{grid.y} * block.y >= kMaxGridThreads ||
      std::uint64_t{grid.z} * block.z >= kMaxGridThreads) {
    return absl::InvalidArgumentError(absl::StrCat("a grid of ", ToString(grid), " blocks of ",
                                                   ToString(block),
                                                   " threads has 2^31 or more in a dimension"));
  }
  // x * y does not overflow 64 bits after the check above; nor does the quotient.
  if (std::uint64_t{grid.x} * grid.y > std::numeric_limits<std::uint32_t>::max() / grid.z) {
    return absl::InvalidArgumentError(
        absl::StrCat("a grid of ", ToString(grid), " has 2^32 or more blocks"));
  }
  if (std::uint64_t{info.static_shared_bytes()} + launch.dynamic_shared_bytes > kMaxSharedBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        launch.dynamic_shared_bytes, " bytes of dynamic and ", info.static_shared_bytes(),
        " of static shared memory are more than ", kMaxSharedBytes));
  }
  if (launch.args.size() != info.args_size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        info.name(), " takes ", info.args_size(), " bytes of arguments, not ", launch.args.size()));
  }
  return absl::OkStatus();
}

std::unique_ptr<Task> MakeLaunch(gpu::Ticket ticket, const gpu::LaunchParams& launch,
                                 Kernel& kernel, std::atomic<std::uint64_t>& in_flight,
                                 gpu::CompletionSink& sink) {
  return std::make_unique<LaunchTask>(ticket, launch, kernel, in_flight, sink);
}

}  // namespace amdgpu::host
