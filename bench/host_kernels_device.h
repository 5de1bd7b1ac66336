// How the benchmark runs its HIP kernels on the host device: compiled, and spread over threads.

#ifndef AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_
#define AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gpu/host/abi.h"

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
  const void* data() const { return bytes_; }

 private:
  alignas(host::kBufferAlignment) unsigned char bytes_[256] = {};
  std::size_t size_ = 0;
};

// Runs ranges of blocks on a fixed set of threads, the caller's among them. The smallest thing that
// is fair to compare with a thread pool.
class BlockRunner {
 public:
  explicit BlockRunner(unsigned threads);
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  // Returns when every block has run.
  void run(host::BlockFunction function, Shape grid, Shape block, const void* arguments);

 private:
  void work(host::BlockRange range);
  void serve();

  unsigned threads_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<unsigned> running_{0};
  std::atomic<std::uint32_t> next_{0};
  std::atomic<bool> stopping_{false};
  host::BlockFunction function_ = nullptr;
  const void* arguments_ = nullptr;
  host::BlockRange range_ = {};
  std::uint32_t blocks_ = 0;
  std::uint32_t chunk_ = 1;
};

// The kernels of one source file, compiled for any block shape and for each shape by itself.
class HostKernels {
 public:
  HostKernels(std::string source_path, unsigned threads);
  ~HostKernels();

  // Compiles if that shape's code is not there yet: call once before measuring.
  void run(const std::string& kernel, bool specialised, Shape grid, Shape block,
           const KernelArguments& arguments);

 private:
  host::BlockFunction find(const std::string& kernel, Shape shape);
  void* compile(Shape shape) const;

  std::string source_path_;
  BlockRunner runner_;
  std::map<Shape, void*> libraries_;  // {0, 0, 0}: for any shape
};

}  // namespace amdgpu::bench

#endif  // AMDGPU_BENCH_HOST_KERNELS_DEVICE_H_
