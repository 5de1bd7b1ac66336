// The host driver passes the contract suite with the suite's own source, compiled.

#include <fstream>
#include <iterator>

#include "tests/gpu/host/driver/host_under_test.h"
#include "tests/gpu/host/kernels/kernel_runner.h"

namespace amdgpu::gpu {
namespace {

class CompiledHost final : public host::HostUnderTest {
 public:
  explicit CompiledHost(CompletionSink& sink) : HostUnderTest(sink, 0) {}

  std::string ContractKernels() override {
    static const std::string object = [] {
      std::ifstream file(AMDGPU_CONTRACT_KERNELS);
      return host::CompileHip({std::istreambuf_iterator<char>(file), {}});
    }();
    return object;
  }
};

std::unique_ptr<DriverUnderTest> MakeCompiledHost(CompletionSink& sink) {
  return std::make_unique<CompiledHost>(sink);
}

INSTANTIATE_TEST_SUITE_P(Compiled, DriverContract, testing::Values(&MakeCompiledHost));

}  // namespace
}  // namespace amdgpu::gpu
