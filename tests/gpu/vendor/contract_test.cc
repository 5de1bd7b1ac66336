// The vendor driver passes the contract suite over the stand-ins for both vendors' libraries.

#include "gpu/vendor/vendor_driver.h"
#include "tests/gpu/driver_contract.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::vendor {
namespace {

class VendorUnderTest final : public gpu::DriverUnderTest {
 public:
  VendorUnderTest(const std::string& flavour, gpu::CompletionSink& sink)
      : library_(StandIn(flavour)) {
    absl::StatusOr<std::unique_ptr<VendorDriver>> driver =
        VendorDriver::Create({.api = library_.api()}, sink);
    EXPECT_TRUE(driver.ok()) << driver.status();
    if (driver.ok()) driver_ = *std::move(driver);
  }

  gpu::Driver& driver() override { return *driver_; }
  std::string ContractKernels() override { return library_.Kernels().SerializeAsString(); }
  bool tells_who_prints() const override { return false; }

 private:
  StandInLibrary& library_;
  std::unique_ptr<VendorDriver> driver_;
};

template <const char* kFlavour>
std::unique_ptr<gpu::DriverUnderTest> Make(gpu::CompletionSink& sink) {
  return std::make_unique<VendorUnderTest>(kFlavour, sink);
}

constexpr char kHip[] = "hip";
constexpr char kHip5[] = "hip5";
constexpr char kCuda[] = "cuda";

}  // namespace
}  // namespace amdgpu::vendor

namespace amdgpu::gpu {

INSTANTIATE_TEST_SUITE_P(Hip, DriverContract, testing::Values(&vendor::Make<vendor::kHip>));
INSTANTIATE_TEST_SUITE_P(Hip5, DriverContract, testing::Values(&vendor::Make<vendor::kHip5>));
INSTANTIATE_TEST_SUITE_P(Cuda, DriverContract, testing::Values(&vendor::Make<vendor::kCuda>));

}  // namespace amdgpu::gpu
