// How the benchmark runs its HIP kernels on the host device: with the compiler and the driver that
// a worker uses, in this process.

#ifndef AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_
#define AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "gpu/host/abi.h"
#include "gpu/host/driver/host_driver.h"

namespace amdgpu::bench {

using Shape = std::array<std::uint32_t, 3>;

// A kernel's arguments in the layout of abi.h.
class KernelArguments {
 public:
  void add(const void* value, std::size_t size) {  // size is the alignment too
    size_ = (size_ + size - 1) / size * size;
    std::memcpy(bytes_ + size_, value, size);
    size_ += size;
  }
  const std::byte* data() const { return bytes_; }

 private:
  alignas(host::kBufferAlignment) std::byte bytes_[256] = {};
  std::size_t size_ = 0;
};

// The kernels of one source file, compiled for any block shape and for each shape by itself.
class HostKernels {
 public:
  // `threads` run a kernel.
  HostKernels(std::string source_path, unsigned threads);

  // Compiles if that shape's code is not there yet: call once before measuring. Returns when the
  // kernel has ended.
  void run(const std::string& kernel, bool specialised, Shape grid, Shape block,
           const KernelArguments& arguments);

 private:
  // Only the end of a launch is of interest, and Synchronize tells it.
  class IgnoreCompletions : public gpu::CompletionSink {
   public:
    void OnStart(gpu::Ticket, std::uint64_t) override {}
    void OnComplete(const gpu::Completion&) override {}
    void OnPrint(gpu::Ticket, absl::string_view) override {}
  };

  const gpu::Function& find(const std::string& kernel, Shape shape);
  gpu::Module compile(Shape shape);

  const std::string source_path_;
  IgnoreCompletions sink_;
  std::unique_ptr<host::HostDriver> driver_;
  std::map<Shape, gpu::Module> modules_;  // {0, 0, 0}: for any shape
  gpu::Ticket ticket_ = 0;
};

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_
