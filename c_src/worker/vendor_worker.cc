#include "c_src/worker/vendor_worker.h"

#include <stdlib.h>

#include <atomic>
#include <functional>
#include <utility>

#include "c_src/worker/landlock.h"
#include "c_src/worker/output_capture.h"
#include "gpu/vendor/tables.h"
#include "gpu/vendor/vendor_driver.h"

namespace amdgpu::worker {
namespace {

// Set once the driver is there, which then lives as long as the process.
std::atomic<const vendor::RunningLaunches*> running{nullptr};

// Takes the user's files away from the vendor's code, before it makes threads. Not before it has
// started: NVIDIA's loads the kernel's driver and makes the device's nodes then, by a program with
// more rights. AMDGPU_LANDLOCK=off leaves it, should a runtime need files that are not thought of.
absl::Status Confine(const std::string& kind, const std::string& runtime,
                     std::vector<std::string> libraries, const vendor::VendorApi& api) {
  const char* const choice = getenv("AMDGPU_LANDLOCK");
  if (choice != nullptr && std::string(choice) == "off") return absl::OkStatus();
  api.Init(0);  // opening the device says what is wrong with it
  libraries.push_back(runtime);
  const absl::Status status = ConfineFiles(VendorFiles(kind, libraries));
  return absl::IsUnimplemented(status) ? absl::OkStatus() : status;
}

}  // namespace

VendorLibraries LibrariesOf(const std::string& kind) {
  return {.runtime = vendor::LibraryNames(kind), .blas = vendor::BlasLibraryNames(kind)};
}

absl::StatusOr<std::unique_ptr<gpu::Driver>> MakeVendorDriver(const DriverRequest& request,
                                                              gpu::CompletionSink& sink,
                                                              const VendorLibraries& libraries) {
  // The code of our modules is loaded with them (VendorApi::FuncLoad). That of a library is not:
  // cuBLAS has hundreds of megabytes of kernels, of which a program uses a few.
  setenv("CUDA_MODULE_LOADING", "LAZY", /*overwrite=*/0);
  absl::StatusOr<std::shared_ptr<const vendor::VendorApi>> api =
      vendor::LoadVendorApi(request.kind, libraries.runtime);
  if (!api.ok()) return api.status();
  if (absl::Status status = Confine(request.kind, (*api)->library, libraries.blas, **api);
      !status.ok()) {
    return status;
  }
  absl::StatusOr<std::function<void()>> drain_output = CaptureOutput(sink);
  if (!drain_output.ok()) return drain_output.status();
  absl::StatusOr<std::unique_ptr<vendor::VendorDriver>> driver =
      vendor::VendorDriver::Create({.api = *std::move(api),
                                    .index = request.index,
                                    .staging = request.staging,
                                    .staging_bytes = request.staging_bytes,
                                    .drain_output = *std::move(drain_output),
                                    .blas_libraries = libraries.blas},
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
