#include "gpu/host/compiler/command_line.h"

#include <CLI/CLI.hpp>
#include <array>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gpu/host/compiler/compiler.h"
#include "gpu/host/compiler/diagnostics.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/TimeProfiler.h"
#include "proto/code_object.pb.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {
namespace {

void PrintKernels(const proto::HostCodeObject& code) {
  for (const proto::KernelInfo& kernel : code.kernels()) {
    std::string parameters;
    for (const proto::Param& param : kernel.params()) {
      absl::StrAppend(&parameters, parameters.empty() ? "" : ", ", param.type(), " ", param.name());
    }
    std::cout << kernel.name() << "(" << parameters << ")";
    if (kernel.static_shared_bytes() > 0) {
      std::cout << ", " << kernel.static_shared_bytes() << " bytes of shared memory";
    }
    std::cout << "\n";
  }
}

// Warms up first: what is traced is what a child of the zygote would do.
proto::CompileReply CompileTraced(const Compiler& compiler, const proto::CompileRequest& request,
                                  const std::string& trace) {
  static_cast<void>(compiler.WarmUp());
  llvm::timeTraceProfilerInitialize(/*TimeTraceGranularity=*/100, "amdgpu_compiler");
  proto::CompileReply reply = compiler.Compile(request);
  llvm::consumeError(llvm::timeTraceProfilerWrite(trace, trace));
  llvm::timeTraceProfilerCleanup();
  return reply;
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  CLI::App app("Compiles HIP C++ for the CPU as a device.");
  std::string input, output;
  std::vector<std::string> names, defines;
  std::vector<std::uint32_t> block;
  proto::CompileRequest request;
  std::string standard;
  std::string trace;
  bool strict_math = false;
  app.add_option("--compile", input, "The source file; - reads standard input")->required();
  app.add_option("-o", output, "Where to write the machine code, an ELF object");
  app.add_option("--name", names, "A kernel to compile, as a name expression; may be repeated");
  app.add_option("-D", defines, "NAME or NAME=VALUE; may be repeated");
  app.add_option("--block", block, "Specialise on this block shape: x,y,z")->delimiter(',');
  app.add_option("--std", standard, "c++11, c++14, c++17 (default) or c++20");
  app.add_option("--time-trace", trace, "Where to write how long what took, for Perfetto");
  app.add_flag("--strict-math", strict_math, "No contraction, no vector math library");
  CLI11_PARSE(app, argc, argv);

  std::stringstream source;
  if (input == "-") {
    source << std::cin.rdbuf();
  } else if (std::ifstream file(input); file) {
    source << file.rdbuf();
  } else {
    std::cerr << "amdgpu_compiler: cannot read " << input << "\n";
    return 1;
  }
  request.set_source(ToUtf8(source.str()));
  request.set_file_name(input);
  request.set_optimization(3);
  request.set_std(standard);
  request.set_strict_math(strict_math);
  for (const std::string& name : names) request.add_names(name);
  for (const std::string& define : defines) {
    const std::size_t equals = define.find('=');
    proto::Define* added = request.add_defines();
    added->set_name(define.substr(0, equals));
    added->set_value(equals == std::string::npos ? "1" : define.substr(equals + 1));
  }
  block.resize(3, block.empty() ? 0 : 1);
  request.set_block_x(block[0]);
  request.set_block_y(block[1]);
  request.set_block_z(block[2]);

  auto compiler = Compiler::Create();
  if (!compiler.ok()) {
    std::cerr << "amdgpu_compiler: " << compiler.status().message() << "\n";
    return 1;
  }
  const proto::CompileReply reply =
      trace.empty() ? (*compiler)->Compile(request) : CompileTraced(**compiler, request, trace);
  for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
    std::cerr << FormatDiagnostic(diagnostic);
  }
  if (reply.outcome() != proto::CompileReply::OK) {
    if (!reply.message().empty()) std::cerr << "amdgpu_compiler: " << reply.message() << "\n";
    return 1;
  }
  proto::HostCodeObject code;
  code.ParseFromString(reply.code_object());
  PrintKernels(code);
  if (!output.empty() && !(std::ofstream(output, std::ios::binary) << code.object())) {
    std::cerr << "amdgpu_compiler: cannot write " << output << "\n";
    return 1;
  }
  return 0;
}

}  // namespace amdgpu::hostcc
