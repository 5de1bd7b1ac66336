// Compiles HIP source for this machine and makes the block functions callable.
// makes the block functions callable. The tests' own frontend: it knows nothing of the real one.

#ifndef AMDGPU_TESTS_GPU_HOST_PASSES_KERNEL_JIT_H_
#define AMDGPU_TESTS_GPU_HOST_PASSES_KERNEL_JIT_H_

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gpu/host/abi.h"
#include "gpu/host/compiler/passes/passes.h"

namespace amdgpu::hostcc {

struct Dim {
  std::uint32_t x = 1, y = 1, z = 1;
};

// A kernel's arguments in the layout of abi.h.
class Arguments {
 public:
  template <class... Values>
  explicit Arguments(const Values&... values) {
    (add(&values, sizeof(Values), alignof(Values)), ...);
  }
  const void* data() const { return bytes_; }

  void add(const void* value, std::size_t size, std::size_t align) {
    size_ = (size_ + align - 1) / align * align;
    std::memcpy(bytes_ + size_, value, size);
    size_ += size;
  }

 private:
  alignas(host::kBufferAlignment) char bytes_[1024] = {};
  std::size_t size_ = 0;
};

class KernelJit {
 public:
  // Throws nothing; errors() tells why nothing can be run.
  explicit KernelJit(const std::string& source, HostPassOptions options = {});
  ~KernelJit();
  KernelJit(const KernelJit&) = delete;
  KernelJit& operator=(const KernelJit&) = delete;

  const std::string& errors() const { return errors_; }
  const std::string& ir() const { return ir_; }  // after the pipeline
  const KernelFacts& facts(const std::string& kernel) const;
  double optimise_milliseconds() const { return optimise_milliseconds_; }

  // Runs all blocks on this thread, in calls of `blocks_per_call`.
  void run(const std::string& kernel, Dim grid, Dim block, const Arguments& arguments,
           std::size_t dynamic_shared_bytes = 0, std::uint32_t blocks_per_call = 3);
  void* symbol(const std::string& name);
  host::BlockFunction blockFunction(const std::string& kernel);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<KernelFacts> facts_;
  std::string errors_;
  std::string ir_;
  double optimise_milliseconds_ = 0;
};

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_TESTS_GPU_HOST_PASSES_KERNEL_JIT_H_
