// The host driver passes the contract suite, with kernels written by hand.

#include "tests/gpu/host/driver/host_under_test.h"

namespace amdgpu::gpu {
namespace {

template <unsigned kThreads>
std::unique_ptr<DriverUnderTest> MakeHost(CompletionSink& sink) {
  return std::make_unique<host::HostUnderTest>(sink, kThreads);
}

INSTANTIATE_TEST_SUITE_P(HostOneThread, DriverContract, testing::Values(&MakeHost<1>));
INSTANTIATE_TEST_SUITE_P(HostAllCores, DriverContract, testing::Values(&MakeHost<0>));
INSTANTIATE_TEST_SUITE_P(HostManyThreads, DriverContract, testing::Values(&MakeHost<7>));

}  // namespace
}  // namespace amdgpu::gpu
