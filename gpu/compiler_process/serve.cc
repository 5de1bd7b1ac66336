#include "gpu/compiler_process/serve.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <thread>
#include <utility>

#include "gpu/compiler_process/sandbox.h"
#include "gpu/compiler_process/zygote.h"
#include "proto/compile.pb.h"

namespace amdgpu::compiler_process {
namespace {

constexpr int kControl = 3;

}  // namespace

absl::Status Serve(
    const std::function<absl::StatusOr<std::unique_ptr<SourceCompiler>>()>& make_compiler) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(kControl, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    return absl::FailedPreconditionError("descriptor 3 is not a control socket");
  }
  fcntl(kControl, F_SETFD, FD_CLOEXEC);
  absl::StatusOr<std::unique_ptr<SourceCompiler>> compiler = make_compiler();
  if (absl::IsNotFound(compiler.status())) {
    proto::CompilerHello hello;
    hello.set_unusable(std::string(compiler.status().message()));
    return SayHello(kControl, std::move(hello));
  }
  if (!compiler.ok()) return compiler.status();
  auto filter = SyscallFilter::Build((*compiler)->needs_files() ? Files::kPrivate : Files::kNone);
  if (!filter.ok()) return filter.status();
  Zygote zygote(**compiler, *std::move(filter), kControl,
                static_cast<int>(std::thread::hardware_concurrency()));
  return zygote.Run();
}

}  // namespace amdgpu::compiler_process
