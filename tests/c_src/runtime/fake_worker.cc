// The real worker over the fake driver.

#include "c_src/worker/worker.h"
#include "tests/c_src/runtime/fake_driver.h"

int main(int argc, char** argv) {
  using amdgpu::testing::CurrentFakeLaunch;
  using amdgpu::testing::MakeFakeDriver;
  amdgpu::worker::WorkerMain(
      argc, argv,
      {.make = [](const amdgpu::worker::DriverRequest& request, amdgpu::gpu::CompletionSink& sink)
           -> absl::StatusOr<std::unique_ptr<amdgpu::gpu::Driver>> {
         if (request.kind != "host")
           return absl::NotFoundError("no device of kind " + request.kind);
         return MakeFakeDriver(request, sink);
       },
       .current_launch = CurrentFakeLaunch,
       .start_thread = {}});
}
