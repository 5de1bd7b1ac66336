// PoCL as the benchmark's reference, through the OpenCL library.

#ifndef AMDGPU_BENCH_HOST_KERNELS_OPENCL_H_
#define AMDGPU_BENCH_HOST_KERNELS_OPENCL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace amdgpu::bench {

// One kernel argument: a host buffer that the kernel sees, or a value.
struct OpenClArgument {
  void* buffer = nullptr;
  std::size_t bytes = 0;
  std::array<unsigned char, 8> value = {};
};

class OpenClKernels {
 public:
  // An OpenCL platform called "Portable Computing Language"; valid() is false if there is none.
  explicit OpenClKernels(const std::string& source);
  ~OpenClKernels();
  bool valid() const;
  const std::string& version() const;

  // Waits until the kernel is done. Buffers are used in place, not copied.
  void run(const std::string& kernel, std::array<std::uint32_t, 3> grid,
           std::array<std::uint32_t, 3> block, const std::vector<OpenClArgument>& arguments);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_HOST_KERNELS_OPENCL_H_
