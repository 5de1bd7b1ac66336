// The real worker over the vendor driver and the stand-in for the vendor's library: the shipped
// worker has no way to be given one.

#include "c_src/worker/vendor_worker.h"

int main(int argc, char** argv) {
  using namespace amdgpu;
  worker::WorkerMain(argc, argv,
                     {.make =
                          [](const worker::DriverRequest& request, gpu::CompletionSink& sink) {
                            return worker::MakeVendorDriver(
                                request, sink,
                                {std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_" +
                                 request.kind + ".so"});
                          },
                      .current_launch = worker::CurrentVendorLaunch,
                      .start_thread = {}});
}
