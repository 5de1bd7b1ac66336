// Unit: what compilers write as diagnostics, from texts that they wrote.

#include "gpu/vendor/compiler/compile_log.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace amdgpu::vendorcc {
namespace {

using proto::Diagnostic;
using testing::HasSubstr;

struct Parsed {
  proto::CompileReply reply;
  bool name_error = false;
};

Parsed Parse(const std::string& log, const std::string& file_name = "kernel.hip") {
  proto::CompileRequest request;
  request.set_file_name(file_name);
  request.set_source("first line\n\tsecond line\r\nthird line");
  Parsed parsed;
  parsed.name_error = ParseCompileLog(log, request, &parsed.reply);
  return parsed;
}

TEST(CompileLogTest, Clang) {
  const proto::CompileReply reply =
      Parse(
          "kernel.hip:2:13: error: use of undeclared identifier 'x'\n"
          "        return a + x; } }\n                   ^\n"
          "In file included from kernel.hip:1:\n"
          "/tmp/comgr-1/include/hip/x.h:7:1: note: declared here\n"
          "kernel.hip:3:1: warning: unused [-Wunused]\n"
          "kernel.hip:9:2: fatal error: 'no/such.h' file not found\n"
          "2 warnings and 5 errors generated when compiling for gfx90a.\n"
          "lld: error: undefined hidden symbol: other\n>>> referenced by x\n")
          .reply;
  ASSERT_EQ(reply.diagnostics_size(), 5);
  EXPECT_EQ(reply.diagnostics(0).severity(), Diagnostic::ERROR);
  EXPECT_EQ(reply.diagnostics(0).line(), 2u);
  EXPECT_EQ(reply.diagnostics(0).column(), 13u);
  EXPECT_EQ(reply.diagnostics(0).source_line(), "\tsecond line");
  EXPECT_EQ(reply.diagnostics(1).severity(), Diagnostic::NOTE);
  EXPECT_EQ(reply.diagnostics(1).file(), "<hip/x.h>");
  EXPECT_EQ(reply.diagnostics(1).source_line(), "");
  EXPECT_EQ(reply.diagnostics(2).severity(), Diagnostic::WARNING);
  EXPECT_EQ(reply.diagnostics(3).severity(), Diagnostic::FATAL);
  EXPECT_EQ(reply.diagnostics(3).message(), "'no/such.h' is not one of the runtime's headers");
  EXPECT_EQ(reply.diagnostics(3).source_line(), "") << "there is no line 9";
  EXPECT_EQ(reply.diagnostics(4).message(), "undefined hidden symbol: other");
  EXPECT_EQ(reply.diagnostics(4).file(), "");
}

TEST(CompileLogTest, Nvrtc) {
  const proto::CompileReply reply =
      Parse(
          "kernel.hip(2): error: identifier \"x\" is undefined\n"
          "  \treturn a + x; } }\n  \t           ^\n\n"
          "kernel.hip(3): warning #177-D: variable \"y\" was declared but never referenced\n"
          "  third line\n  ^\n\nRemark: The warnings can be suppressed\n\n"
          "kernel.hip(1): catastrophic error: could not open source file \"vector\" (no "
          "directories)\n"
          "  #include <vector>\n                   ^\n\n"
          "8 errors detected in the compilation of \"kernel.hip\".\n"
          "ptxas fatal   : Unresolved extern function 'other'\n"
          "nvrtc: error: invalid value for --gpu-architecture (-arch)\n")
          .reply;
  ASSERT_EQ(reply.diagnostics_size(), 5);
  EXPECT_EQ(reply.diagnostics(0).line(), 2u);
  EXPECT_EQ(reply.diagnostics(0).column(), 13u);
  EXPECT_EQ(reply.diagnostics(0).source_line(), "\tsecond line");
  EXPECT_EQ(reply.diagnostics(1).severity(), Diagnostic::WARNING);
  EXPECT_EQ(reply.diagnostics(1).column(), 1u);
  EXPECT_THAT(reply.diagnostics(1).message(), HasSubstr("never referenced"));
  EXPECT_EQ(reply.diagnostics(2).severity(), Diagnostic::FATAL);
  EXPECT_EQ(reply.diagnostics(2).message(), "'vector' is not one of the runtime's headers");
  EXPECT_EQ(reply.diagnostics(3).severity(), Diagnostic::FATAL);
  EXPECT_EQ(reply.diagnostics(4).file(), "");
}

TEST(CompileLogTest, ErrorsInNamesAreNotShown) {
  const Parsed clang = Parse(
      "amdgpu-names:1:40: error: use of undeclared identifier '__hiprtc_1'\n"
      "/usr/lib/x.h:3:1: note: 'scalbn' declared here\n"
      "kernel.hip:1:1: error: another\n");
  EXPECT_TRUE(clang.name_error);
  ASSERT_EQ(clang.reply.diagnostics_size(), 1);
  EXPECT_EQ(clang.reply.diagnostics(0).message(), "another");
  EXPECT_TRUE(Parse("__nv_name_map(2): error: identifier \"scale\" is undefined\n").name_error);
  EXPECT_FALSE(Parse("kernel.hip:1:1: error: another\n").name_error);
}

TEST(CompileLogTest, FileNamesWithColonsAndParentheses) {
  const proto::CompileReply clang = Parse("a: b(1):2:3: error: text: more\n", "a: b(1)").reply;
  ASSERT_EQ(clang.diagnostics_size(), 1);
  EXPECT_EQ(clang.diagnostics(0).file(), "a: b(1)");
  EXPECT_EQ(clang.diagnostics(0).line(), 2u);
  EXPECT_EQ(clang.diagnostics(0).message(), "text: more");
  const proto::CompileReply nvrtc = Parse("a: b(1)(2): error: text\n", "a: b(1)").reply;
  ASSERT_EQ(nvrtc.diagnostics_size(), 1);
  EXPECT_EQ(nvrtc.diagnostics(0).line(), 2u);
}

TEST(CompileLogTest, ThereIsAnEndToDiagnostics) {
  std::string log;
  for (int i = 0; i < 1000; ++i) log += "kernel.hip:1:1: error: again\n";
  EXPECT_EQ(Parse(log).reply.diagnostics_size(), 100);
  EXPECT_LE(Parse("kernel.hip:1:1: error: " + std::string(1 << 20, 'x')).reply.ByteSizeLong(),
            8192u);
}

}  // namespace
}  // namespace amdgpu::vendorcc
