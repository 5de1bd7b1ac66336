#include "tests/gpu/host/compiler/in_process.h"

#include <stdlib.h>

#include <iostream>

#include "gpu/host/compiler/compiler.h"
#include "gpu/host/compiler/diagnostics.h"

namespace amdgpu::hostcc {
namespace {

const Compiler& SharedCompiler() {
  static const Compiler* const compiler = [] {
    auto created = Compiler::Create();
    if (!created.ok()) {
      std::cerr << created.status() << "\n";
      abort();
    }
    return created->release();
  }();
  return *compiler;
}

}  // namespace

proto::CompileRequest RequestFor(const std::string& source, const std::vector<std::string>& names) {
  proto::CompileRequest request;
  request.set_source(source);
  request.set_optimization(3);
  for (const std::string& name : names) request.add_names(name);
  return request;
}

proto::CompileReply Compile(const proto::CompileRequest& request) {
  return SharedCompiler().Compile(request);
}

proto::CompileReply Compile(const std::string& source, const std::vector<std::string>& names) {
  return Compile(RequestFor(source, names));
}

std::string Text(const proto::Diagnostic& diagnostic) { return FormatDiagnostic(diagnostic); }

std::string Text(const proto::CompileReply& reply) {
  std::string text = reply.message();
  for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
    text += FormatDiagnostic(diagnostic);
  }
  return text;
}

testing::AssertionResult IsClean(const proto::CompileReply& reply) {
  if (reply.outcome() == proto::CompileReply::OK && reply.diagnostics().empty()) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << proto::CompileReply::Outcome_Name(reply.outcome()) << "\n"
                                     << Text(reply);
}

proto::HostCodeObject CodeOf(const proto::CompileReply& reply) {
  EXPECT_EQ(reply.outcome(), proto::CompileReply::OK) << Text(reply);
  proto::HostCodeObject code;
  EXPECT_TRUE(code.ParseFromString(reply.code_object()));
  return code;
}

testing::AssertionResult KernelCompiles(const std::string& body, const std::string& before) {
  return IsClean(Compile(before +
                         "\nextern \"C\" __global__ void k(float* f, int* i, unsigned* u, "
                         "double* d, long long* ll, unsigned long long* ull) {\n" +
                         body + "\n}\n"));
}

}  // namespace amdgpu::hostcc
