// The real worker over the vendor driver and the stand-in for the vendor's library: the shipped
// worker has no way to be given one.

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/strip.h"
#include "c_src/base/message_socket.h"
#include "c_src/runtime/protocol.h"
#include "c_src/worker/vendor_worker.h"
#include "gpu/vendor/probe.h"

namespace {

std::vector<std::string> Libraries(const std::string& kind) {
  return {std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_" + kind + ".so"};
}

std::vector<std::string> BlasLibraries(const std::string& kind) {
  // None, where a test wants to have it so.
  if (std::getenv("AMD_STANDIN_NO_BLAS") != nullptr) return {"libno_such_blas.so"};
  return {std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_" +
          (kind == "cuda" ? "cublas" : "rocblas") + ".so"};
}

}  // namespace

int main(int argc, char** argv) {
  using namespace amdgpu;
  absl::string_view option = argc == 2 ? argv[1] : "";
  if (absl::ConsumePrefix(&option, "--probe=")) {
    const std::string kind(option);
    _exit(SendMessage(protocol::kControlFd, vendor::Probe(kind, Libraries(kind))).ok() ? 0 : 1);
  }
  worker::WorkerMain(argc, argv,
                     {.make =
                          [](const worker::DriverRequest& request, gpu::CompletionSink& sink) {
                            return worker::MakeVendorDriver(
                                request, sink,
                                {Libraries(request.kind), BlasLibraries(request.kind)});
                          },
                      .current_launch = worker::CurrentVendorLaunch,
                      .start_thread = {}});
}
