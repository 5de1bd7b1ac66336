// Unit: what is wrong with a source is told as data that points into it.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

using testing::HasSubstr;
using testing::Not;

proto::Diagnostic FirstOf(const proto::CompileReply& reply) {
  EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR) << Text(reply);
  EXPECT_TRUE(reply.code_object().empty());
  EXPECT_GE(reply.diagnostics_size(), 1);
  return reply.diagnostics_size() == 0 ? proto::Diagnostic() : reply.diagnostics(0);
}

TEST(Diagnostics, PointAtThePlace) {
  const proto::Diagnostic diagnostic =
      FirstOf(Compile("extern \"C\" __global__ void k(float* x) {\n  x[0] = foo;\n}\n"));
  EXPECT_EQ(diagnostic.severity(), proto::Diagnostic::ERROR);
  EXPECT_EQ(diagnostic.file(), "kernel.hip");
  EXPECT_EQ(diagnostic.line(), 2u);
  EXPECT_EQ(diagnostic.column(), 10u);
  EXPECT_EQ(diagnostic.source_line(), "  x[0] = foo;");
  EXPECT_THAT(diagnostic.message(), HasSubstr("undeclared identifier 'foo'"));
  EXPECT_EQ(Text(diagnostic),
            "kernel.hip:2:10: error: use of undeclared identifier 'foo'; did you mean 'for'?\n"
            "    x[0] = foo;\n"
            "           ^\n");
}

TEST(Diagnostics, UseTheCallersFileName) {
  proto::CompileRequest request = RequestFor("__global__ void k() { oops; }");
  request.set_file_name("my/own name.hip");
  EXPECT_EQ(FirstOf(Compile(request)).file(), "my/own name.hip");
}

TEST(Diagnostics, AWarningDoesNotFail) {
  const proto::CompileReply reply =
      Compile("extern \"C\" __global__ void k(int* x) { x[0] == 1; }");
  EXPECT_EQ(reply.outcome(), proto::CompileReply::OK);
  ASSERT_GE(reply.diagnostics_size(), 1);
  EXPECT_EQ(reply.diagnostics(0).severity(), proto::Diagnostic::WARNING);
}

TEST(Diagnostics, NotesFollowTheirError) {
  const proto::CompileReply reply = Compile(
      "__device__ void f(int);\n__device__ void f(int*);\n"
      "extern \"C\" __global__ void k(float* x) { f(x); }");
  EXPECT_EQ(FirstOf(reply).severity(), proto::Diagnostic::ERROR);
  ASSERT_GE(reply.diagnostics_size(), 2);
  EXPECT_EQ(reply.diagnostics(1).severity(), proto::Diagnostic::NOTE);
  EXPECT_EQ(reply.diagnostics(1).line(), 1u);
}

TEST(Diagnostics, ThereIsALimit) {
  std::string source = "__global__ void k() {\n";
  for (int i = 0; i < 1000; ++i) source += "  undeclared;\n";
  EXPECT_LE(Compile(source + "}").diagnostics_size(), 25);
}

TEST(Diagnostics, LineDirectivesDoNotMoveThem) {
  const proto::Diagnostic diagnostic =
      FirstOf(Compile("#line 4000 \"/etc/passwd\"\n__global__ void k() { oops; }"));
  EXPECT_EQ(diagnostic.file(), "kernel.hip");
  EXPECT_EQ(diagnostic.line(), 2u);
}

TEST(Diagnostics, InsideADefine) {
  proto::CompileRequest request = RequestFor("__global__ void k() { int x = TILE; }");
  proto::Define* define = request.add_defines();
  define->set_name("TILE");
  define->set_value("oops");
  EXPECT_THAT(Text(Compile(request)), HasSubstr("undeclared identifier 'oops'"));
}

TEST(Diagnostics, InsideAHeaderQuoteNothingOfIt) {
  const proto::CompileReply reply =
      Compile("extern \"C\" __global__ void k(int** p) { __shfl(p, \"x\"); }");
  for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
    const bool quotes = !diagnostic.source_line().empty();
    EXPECT_FALSE(quotes && diagnostic.file() != "kernel.hip") << Text(diagnostic);
  }
}

TEST(Diagnostics, AreAlwaysUtf8) {
  std::string source = "__global__ void k() { ";
  for (int c = 128; c < 256; ++c) source += static_cast<char>(c);
  source += " }";
  const proto::CompileReply reply = Compile(source);
  EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR);
  // A protobuf string that is not UTF-8 is refused by its parser.
  proto::CompileReply parsed;
  EXPECT_TRUE(parsed.ParseFromString(reply.SerializeAsString()));
  EXPECT_GE(parsed.diagnostics_size(), 1);
}

TEST(Diagnostics, AVeryLongLineIsNotQuoted) {
  const proto::Diagnostic diagnostic =
      FirstOf(Compile("__global__ void k() { " + std::string(100'000, ' ') + "oops; }"));
  EXPECT_EQ(diagnostic.source_line(), "");
  EXPECT_GT(diagnostic.column(), 100'000u);
}

TEST(Diagnostics, AFunctionWithoutABodyIsFoundWhereItIsCalled) {
  const proto::Diagnostic diagnostic =
      FirstOf(Compile("__device__ int gone(float);\n"
                      "extern \"C\" __global__ void k(int* x) {\n  x[0] = gone(1);\n}"));
  EXPECT_EQ(diagnostic.line(), 3u);
  EXPECT_THAT(diagnostic.message(), HasSubstr("'gone(float)' is used but not defined"));
}

TEST(Diagnostics, MallocAndNewDoNotExist) {
  EXPECT_EQ(
      FirstOf(Compile("extern \"C\" __global__ void k(int** x) { x[0] = new int[8]; }")).severity(),
      proto::Diagnostic::ERROR);
}

TEST(Diagnostics, AFunctionNobodyCallsMayLackABody) {
  EXPECT_TRUE(
      IsClean(Compile("__device__ int gone(float);\n"
                      "inline __device__ int unused() { return gone(1); }\n"
                      "extern \"C\" __global__ void k(int* x) { x[0] = 1; }")));
}

TEST(Diagnostics, AHostFunctionCannotBeCalled) {
  EXPECT_THAT(Text(Compile("int host() { return 1; }\n"
                           "extern \"C\" __global__ void k(int* x) { x[0] = host(); }")),
              HasSubstr("call to __host__ function from __global__ function"));
}

TEST(Diagnostics, StaticAssertAndError) {
  EXPECT_THAT(Text(Compile("static_assert(sizeof(int) == 8, \"what?\");\n__global__ void k() {}")),
              HasSubstr("what?"));
  EXPECT_THAT(Text(Compile("#error stop here\n__global__ void k() {}")), HasSubstr("stop here"));
}

}  // namespace
}  // namespace amdgpu::hostcc
