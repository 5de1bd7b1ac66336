// Compiles in the test's own process, with one compiler for all tests.

#ifndef AMDGPU_TESTS_GPU_HOST_COMPILER_IN_PROCESS_H_
#define AMDGPU_TESTS_GPU_HOST_COMPILER_IN_PROCESS_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/code_object.pb.h"
#include "proto/compile.pb.h"

namespace amdgpu::hostcc {

proto::CompileRequest RequestFor(const std::string& source,
                                 const std::vector<std::string>& names = {});

proto::CompileReply Compile(const proto::CompileRequest& request);
proto::CompileReply Compile(const std::string& source, const std::vector<std::string>& names = {});

// Diagnostics as a person would see them.
std::string Text(const proto::Diagnostic& diagnostic);
std::string Text(const proto::CompileReply& reply);

// Succeeds for an OK reply without warnings, and says what was wrong otherwise.
testing::AssertionResult IsClean(const proto::CompileReply& reply);

// Of an OK reply; fails the test otherwise.
proto::HostCodeObject CodeOf(const proto::CompileReply& reply);

// Whether `body` compiles without a warning as that of a kernel with parameters
// (float* f, int* i, unsigned* u, double* d, long long* ll, unsigned long long* ull).
testing::AssertionResult KernelCompiles(const std::string& body, const std::string& before = "");

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_TESTS_GPU_HOST_COMPILER_IN_PROCESS_H_
