// The compiler process. Without arguments it serves compile requests on descriptor 3
// (gpu/compiler_process); with arguments it is a tool for people (command_line.h).

#include <iostream>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/serve.h"
#include "gpu/host/compiler/command_line.h"
#include "gpu/host/compiler/compiler.h"

namespace {

using amdgpu::compiler_process::SourceCompiler;

// Warm before the hello: who waits for it measures compiles.
absl::StatusOr<std::unique_ptr<SourceCompiler>> MakeCompiler() {
  auto compiler = amdgpu::hostcc::Compiler::Create();
  if (!compiler.ok()) return compiler.status();
  if (absl::Status status = (*compiler)->WarmUp(); !status.ok()) return status;
  return *std::move(compiler);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return amdgpu::hostcc::RunCommandLine(argc, argv);
  const absl::Status status = amdgpu::compiler_process::Serve(MakeCompiler);
  if (!status.ok()) {
    std::cerr << "amdgpu_compiler: " << status.message()
              << "; to compile a file: amdgpu_compiler --compile FILE\n";
  }
  return status.ok() ? 0 : 1;
}
