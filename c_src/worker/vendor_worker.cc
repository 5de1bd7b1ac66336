#include "c_src/worker/vendor_worker.h"

#include <stdlib.h>

#include <atomic>
#include <utility>

#include "c_src/worker/output_capture.h"
#include "gpu/vendor/tables.h"
#include "gpu/vendor/vendor_driver.h"

namespace amdgpu::worker {
namespace {

// Set once the driver is there, which then lives as long as the process.
std::atomic<const vendor::RunningLaunches*> running{nullptr};

}  // namespace

absl::StatusOr<std::unique_ptr<gpu::Driver>> MakeVendorDriver(
    const DriverRequest& request, gpu::CompletionSink& sink,
    const std::vector<std::string>& libraries) {
  // CUDA would load a kernel's code when it is first launched, and wait for what runs on the device
  // to do so: for a kernel that waits for that launch, for ever.
  setenv("CUDA_MODULE_LOADING", "EAGER", /*overwrite=*/0);
  absl::StatusOr<std::shared_ptr<const vendor::VendorApi>> api =
      vendor::LoadVendorApi(request.kind, libraries);
  if (!api.ok()) return api.status();
  if (absl::Status status = CaptureOutput(sink); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<vendor::VendorDriver>> driver =
      vendor::VendorDriver::Create({.api = *std::move(api),
                                    .index = request.index,
                                    .staging = request.staging,
                                    .staging_bytes = request.staging_bytes},
                                   sink);
  if (!driver.ok()) return driver.status();
  running.store(&(*driver)->running());
  return driver;
}

bool CurrentVendorLaunch(LaunchIdentity* identity) {
  const vendor::RunningLaunches* const launches = running.load();
  vendor::RunningLaunches::Launch launch;
  if (launches == nullptr || !launches->Only(&launch)) return false;
  *identity = {launch.ticket, launch.function,
               "the vendor's runtime ended the process (AMD's does when a kernel touches memory "
               "that is not its own)"};
  return true;
}

}  // namespace amdgpu::worker
