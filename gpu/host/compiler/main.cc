// The compiler process. Without arguments it serves compile requests on descriptor 3 (zygote.h);
// with arguments it is a tool for people (command_line.h).

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iostream>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "gpu/host/compiler/command_line.h"
#include "gpu/host/compiler/compiler.h"
#include "gpu/host/compiler/sandbox.h"
#include "gpu/host/compiler/zygote.h"

namespace {

constexpr int kControl = 3;

absl::Status Serve() {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(kControl, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    return absl::FailedPreconditionError(
        "descriptor 3 is not a control socket; to compile a file: amdgpu_compiler --compile FILE");
  }
  fcntl(kControl, F_SETFD, FD_CLOEXEC);
  auto compiler = amdgpu::hostcc::Compiler::Create();
  if (!compiler.ok()) return compiler.status();
  if (absl::Status status = (*compiler)->WarmUp(); !status.ok()) return status;
  auto filter = amdgpu::hostcc::SyscallFilter::Build();
  if (!filter.ok()) return filter.status();
  amdgpu::hostcc::Zygote zygote(**compiler, *std::move(filter), kControl,
                                static_cast<int>(std::thread::hardware_concurrency()));
  return zygote.Run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return amdgpu::hostcc::RunCommandLine(argc, argv);
  const absl::Status status = Serve();
  if (!status.ok()) std::cerr << "amdgpu_compiler: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
