// A compiler process for GPUs: `amdgpu_vendorcc hip` or `amdgpu_vendorcc cuda` serves compile
// requests on descriptor 3 (gpu/compiler_process); with a file it is a tool for people.

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gpu/compiler_process/serve.h"
#include "gpu/vendor/compiler/vendor_compiler.h"
#include "proto/code_object.pb.h"

namespace {

using amdgpu::compiler_process::SourceCompiler;
using amdgpu::vendorcc::Vendor;
using amdgpu::vendorcc::VendorCompiler;

constexpr char kUsage[] =
    "usage: amdgpu_vendorcc hip|cuda               serves requests on descriptor 3\n"
    "       amdgpu_vendorcc hip|cuda TARGET SOURCE [OUTPUT]\n";

// Compiles without any confinement: it is the caller's own source.
int CompileFile(Vendor vendor, const std::string& target, const char* source, const char* output) {
  auto compiler = VendorCompiler::Create(vendor);
  if (!compiler.ok()) {
    std::cerr << "amdgpu_vendorcc: " << compiler.status().message() << "\n";
    return 1;
  }
  std::ifstream file(source);
  amdgpu::proto::CompileRequest request;
  request.set_source(std::string(std::istreambuf_iterator<char>(file), {}));
  request.set_file_name(source);
  request.set_target(target);
  request.set_optimization(3);
  const amdgpu::proto::CompileReply reply = (*compiler)->Compile(request);
  for (const auto& diagnostic : reply.diagnostics()) {
    std::cerr << diagnostic.file() << ":" << diagnostic.line() << ":" << diagnostic.column() << ": "
              << amdgpu::proto::Diagnostic::Severity_Name(diagnostic.severity()) << ": "
              << diagnostic.message() << "\n";
  }
  if (reply.outcome() != amdgpu::proto::CompileReply::OK) {
    std::cerr << "amdgpu_vendorcc: " << reply.message() << "\n";
    return 1;
  }
  amdgpu::proto::VendorCodeObject object;
  object.ParseFromString(reply.code_object());
  for (const auto& kernel : object.kernels()) std::cout << kernel.ShortDebugString() << "\n";
  if (output != nullptr) std::ofstream(output, std::ios::binary) << object.image();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if ((name != "hip" && name != "cuda") || argc == 3 || argc > 5) {
    std::cerr << kUsage;
    return 2;
  }
  const Vendor vendor = name == "hip" ? Vendor::kAmd : Vendor::kNvidia;
  if (argc > 2) return CompileFile(vendor, argv[2], argv[3], argc > 4 ? argv[4] : nullptr);
  const absl::Status status = amdgpu::compiler_process::Serve(
      [vendor]() -> absl::StatusOr<std::unique_ptr<SourceCompiler>> {
        auto compiler = VendorCompiler::Create(vendor);
        if (!compiler.ok()) return compiler.status();
        return *std::move(compiler);
      });
  if (!status.ok()) std::cerr << "amdgpu_vendorcc: " << status.message() << std::endl;
  // The vendors' libraries take themselves apart at exit, and not always in one piece.
  _exit(status.ok() ? 0 : 1);
}
