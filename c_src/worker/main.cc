// The worker's executable: which driver serves which kind of device.

#include <sys/sysinfo.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/strip.h"
#include "c_src/base/message_socket.h"
#include "c_src/runtime/protocol.h"
#include "c_src/worker/vendor_worker.h"
#include "c_src/worker/worker.h"
#include "gpu/host/driver/host_driver.h"
#include "gpu/host/driver/kernel_thread.h"
#include "gpu/host/driver/properties.h"
#include "gpu/host/driver/running_launch.h"
#include "gpu/vendor/probe.h"
#include "gpu/vendor/tables.h"

namespace amdgpu {
namespace {

absl::StatusOr<std::unique_ptr<gpu::Driver>> MakeDriver(const worker::DriverRequest& request,
                                                        gpu::CompletionSink& sink) {
  if (request.kind != "host") {
    return worker::MakeVendorDriver(request, sink, worker::LibrariesOf(request.kind));
  }
  return host::HostDriver::Create({.arena_fd = request.arena_fd,
                                   .arena_bytes = request.arena_bytes,
                                   .threads = request.threads},
                                  sink);
}

// --probe=KIND: tells the client which devices there are, and opens none.
int Probe(const std::string& kind) {
  proto::ProbeReply reply;
  if (kind == "host") {
    struct sysinfo machine{};
    sysinfo(&machine);
    reply.set_kind(kind);
    *reply.add_devices() =
        host::DescribeHost(host::UsableCores(), std::uint64_t{machine.totalram} * machine.mem_unit);
  } else {
    reply = vendor::Probe(kind, vendor::LibraryNames(kind));
  }
  return SendMessage(protocol::kControlFd, reply).ok() ? 0 : 1;
}

bool CurrentLaunch(worker::LaunchIdentity* identity) {
  const host::RunningLaunch* launch = host::CurrentLaunch();
  if (launch == nullptr) return worker::CurrentVendorLaunch(identity);
  *identity = {launch->ticket, launch->function, launch->message};
  return true;
}

// The driver runs small launches on the thread that makes them if kernels may run there.
absl::Status StartKernelThread(const std::string& name, std::function<void()> body) {
  auto thread = host::KernelThread::Start(name, std::move(body));
  if (!thread.ok()) return thread.status();
  thread->release();  // NOLINT(bugprone-unused-return-value): the body never returns
  return absl::OkStatus();
}

}  // namespace
}  // namespace amdgpu

int main(int argc, char** argv) {
  absl::string_view option = argc == 2 ? argv[1] : "";
  if (absl::ConsumePrefix(&option, "--probe=")) {
    // Not through exit: vendors' runtimes have been seen to crash there.
    _exit(amdgpu::Probe(std::string(option)));
  }
  amdgpu::worker::WorkerMain(argc, argv,
                             {.make = amdgpu::MakeDriver,
                              .current_launch = amdgpu::CurrentLaunch,
                              .start_thread = amdgpu::StartKernelThread});
}
