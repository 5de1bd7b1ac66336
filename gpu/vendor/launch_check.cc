#include "gpu/vendor/launch_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace amdgpu::vendor {
namespace {

std::string ToString(const gpu::Dim3& shape) {
  return absl::StrCat(shape.x, "x", shape.y, "x", shape.z);
}

// Each dimension is between 1 and the device's most.
template <typename Most>
bool Within(const gpu::Dim3& shape, const Most& most) {
  const std::uint32_t sizes[3] = {shape.x, shape.y, shape.z};
  for (int i = 0; i < 3; ++i) {
    if (sizes[i] == 0 || (most[i] != 0 && sizes[i] > most[i])) return false;
  }
  return true;
}

}  // namespace

absl::Status CheckLaunch(const gpu::LaunchParams& launch, const Kernel& kernel,
                         const gpu::Properties& properties) {
  const gpu::Dim3& grid = launch.grid;
  const gpu::Dim3& block = launch.block;
  if (!Within(grid, properties.max_grid())) {
    return absl::InvalidArgumentError(absl::StrCat("a grid of ", ToString(grid), " blocks"));
  }
  const std::uint32_t most = kernel.max_threads != 0
                                 ? std::min(kernel.max_threads, properties.max_threads_per_block())
                                 : properties.max_threads_per_block();
  // Each factor is at most 2^32: look at them first, so that the product does not wrap.
  if (!Within(block, properties.max_block()) || std::max({block.x, block.y, block.z}) > most ||
      block.Volume() > most) {
    return absl::InvalidArgumentError(absl::StrCat("a block of ", ToString(block),
                                                   " threads; kernel ", kernel.info.name(),
                                                   " takes at most ", most));
  }
  const std::uint64_t limit = properties.max_grid_threads();
  const std::uint64_t threads[3] = {std::uint64_t{grid.x} * block.x,
                                    std::uint64_t{grid.y} * block.y,
                                    std::uint64_t{grid.z} * block.z};
  if (limit != 0 && *std::max_element(threads, threads + 3) >= limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("a grid of ", ToString(grid), " blocks of ", ToString(block),
                     " threads: no dimension may have ", limit, " threads or more"));
  }
  const std::uint64_t shared = std::uint64_t{launch.dynamic_shared_bytes} + kernel.static_shared;
  if (shared > properties.max_shared_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat(
        shared, " bytes of shared memory; the device has ", properties.max_shared_bytes()));
  }
  if (launch.args.size() != kernel.info.args_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(launch.args.size(), " bytes of arguments; kernel ", kernel.info.name(),
                     " takes ", kernel.info.args_size()));
  }
  return absl::OkStatus();
}

}  // namespace amdgpu::vendor
