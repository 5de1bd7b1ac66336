// Unit: no source reaches a file of the machine, changes the runtime's headers, or gets code in
// that runs when it is loaded; and nonsense is answered, not crashed on.

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kKernel[] = "extern \"C\" __global__ void k(int* x) { x[0] = 1; }\n";

TEST(Refusal, NoIncludeReachesAFile) {
  for (const char* path :
       {"/etc/passwd", "/etc/hostname", "/dev/zero", "/dev/stdin", "/proc/self/environ",
        "../../../../../../etc/passwd", "../x", "./x.h", "passwd", "/usr/include/stdio.h",
        "/usr/lib/llvm-19/lib/clang/19/include/immintrin.h", "immintrin.h", "iostream", "unistd.h",
        "vector", ""}) {
    for (const std::string& directive :
         {"#include \"" + std::string(path) + "\"", "#include <" + std::string(path) + ">",
          "#import \"" + std::string(path) + "\"", "#include_next \"" + std::string(path) + "\"",
          "constexpr unsigned char bytes[] = {\n#embed \"" + std::string(path) + "\"\n};"}) {
      const proto::CompileReply reply = Compile(directive + "\n" + kKernel);
      EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR) << directive;
      EXPECT_THAT(Text(reply), Not(HasSubstr("root:"))) << directive;
      if (*path != '\0' && directive.find("#embed") == std::string::npos) {
        EXPECT_THAT(Text(reply), HasSubstr("is not one of the runtime's headers")) << directive;
      }
    }
  }
}

TEST(Refusal, NoDefineReachesAFile) {
  proto::CompileRequest request = RequestFor(std::string("#include FILE\n") + kKernel);
  proto::Define* define = request.add_defines();
  define->set_name("FILE");
  define->set_value("\"/etc/passwd\"");
  EXPECT_THAT(Text(Compile(request)), HasSubstr("'/etc/passwd' is not one of the runtime's"));
}

TEST(Refusal, TheMachinesFilesDoNotSeemToExist) {
  for (const char* path : {"/etc/passwd", "/proc/self/maps", "/usr/include/stdio.h"}) {
    EXPECT_TRUE(IsClean(Compile("#if __has_include(\"" + std::string(path) +
                                "\")\n#error it is there\n#endif\n" + kKernel)))
        << path;
    EXPECT_THAT(Text(Compile("#pragma GCC dependency \"" + std::string(path) + "\"\n" + kKernel)),
                Not(HasSubstr("newer")))
        << path;
  }
}

TEST(Refusal, ASourceThatIncludesItselfEnds) {
  EXPECT_EQ(Compile(std::string("#include __FILE__\n") + kKernel).outcome(),
            proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile(std::string("#include \"/source/kernel.hip\"\n") + kKernel).outcome(),
            proto::CompileReply::SOURCE_ERROR);
}

TEST(Refusal, DefinesAreChecked) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "1"},          {"3x", "1"},      {"a b", "1"},  {"f(x)", "x"},
      {"a\n#error", "1"}, {"a", "1\n#b"},   {"a", "1\\"},  {"a", "1\\ "},
      {"a=b", "1"},       {"defined", "1"}, {"a", "\x01"}, {"a-b", "1"}};
  for (const auto& [name, value] : bad) {
    proto::CompileRequest request = RequestFor(kKernel);
    proto::Define* define = request.add_defines();
    define->set_name(name);
    define->set_value(value);
    const proto::CompileReply reply = Compile(request);
    EXPECT_EQ(reply.outcome(), proto::CompileReply::REFUSED) << name << "=" << value;
    EXPECT_THAT(reply.message(), HasSubstr("define"));
  }
}

TEST(Refusal, DefinesDoNotReachTheRuntimesHeaders) {
  proto::CompileRequest request = RequestFor(
      "#include <cmath>\nextern \"C\" __global__ void k(float* f) { f[0] = sinf(f[1]) + x; }");
  for (const char* name : {"x", "T", "value", "type"}) {
    proto::Define* define = request.add_defines();
    define->set_name(name);
    define->set_value("3");
  }
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::OK) << Text(Compile(request));
}

TEST(Refusal, DefinesWork) {
  proto::CompileRequest request =
      RequestFor("static_assert(TILE * 2 == SUM(16, 16), EMPTY \"\");\n" + std::string(kKernel));
  const std::pair<const char*, const char*> good[] = {
      {"TILE", "16"}, {"EMPTY", ""}, {"SUM", "add"}};
  for (const auto& [name, value] : good) {
    proto::Define* define = request.add_defines();
    define->set_name(name);
    define->set_value(value);
  }
  request.set_source("constexpr int add(int a, int b) { return a + b; }\n" + request.source());
  EXPECT_TRUE(IsClean(Compile(request)));
}

TEST(Refusal, OptionsAreChecked) {
  proto::CompileRequest request = RequestFor(kKernel);
  request.set_std("c++98");
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::REFUSED);
  request = RequestFor(kKernel);
  request.set_std("c++17 -include /etc/passwd");
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::REFUSED);
  request = RequestFor(kKernel);
  request.set_target("gfx90a");
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::REFUSED);
  request = RequestFor(kKernel);
  request.set_optimization(4);
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::REFUSED);
  for (const std::array<unsigned, 3>& block :
       {std::array{0u, 1u, 1u}, {1024u, 2u, 1u}, {2000u, 1u, 1u}, {~0u, ~0u, ~0u}}) {
    request = RequestFor(kKernel);
    request.set_block_x(block[0]);
    request.set_block_y(block[1]);
    request.set_block_z(block[2]);
    EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::REFUSED);
  }
}

TEST(Refusal, CodeThatWouldRunWhenLoaded) {
  for (const char* code :
       {"__attribute__((constructor)) __device__ void f() {}",
        "__attribute__((destructor)) __device__ void f() {}",
        "struct S { __device__ S() { x = 3; } int x; }; __device__ S s;",
        "__device__ int f() { return 3; }\n__device__ int x = f();",
        "asm(\".section .init_array\");", "__device__ void f() { asm volatile(\"syscall\"); }",
        "__device__ thread_local int x;", "__device__ __thread int x;",
        "extern \"C\" __device__ void g() {}\n"
        "extern \"C\" __device__ void* r() { return (void*)g; }\n"
        "extern \"C\" __device__ void f() __attribute__((ifunc(\"r\")));"}) {
    const proto::CompileReply reply = Compile(std::string(code) + "\n" + kKernel);
    EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR) << code;
  }
}

TEST(Refusal, SymbolsOfTheMachine) {
  for (const char* function : {"system", "open", "dlopen", "mmap", "_exit", "getenv", "puts_"}) {
    const std::string source =
        "extern \"C\" __device__ int " + std::string(function) +
        "(const char*);\nextern \"C\" __global__ void k(int* x) { x[0] = " + function +
        "(\"x\"); }";
    const proto::CompileReply reply = Compile(source);
    EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR) << function;
    EXPECT_THAT(Text(reply), HasSubstr("used but not defined")) << function;
  }
  EXPECT_EQ(Compile("extern \"C\" __device__ int f(int) __asm__(\"fork\");\n"
                    "extern \"C\" __global__ void k(int* x) { x[0] = f(1); }")
                .outcome(),
            proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile("extern __device__ int elsewhere;\n"
                    "extern \"C\" __global__ void k(int* x) { x[0] = elsewhere; }")
                .outcome(),
            proto::CompileReply::SOURCE_ERROR);
}

TEST(Refusal, NonsenseIsAnswered) {
  std::string garbage(10'000, '\0');
  unsigned state = 1;
  for (char& c : garbage) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  std::string parentheses(100'000, '(');
  std::string nested = "extern \"C\" __global__ void k(int* x) { x[0] = " + std::string(100, '(') +
                       "1" + std::string(100, ')') + "; }";
  std::string deep = "extern \"C\" __global__ void k(int* x) { x[0] = " + std::string(5000, '(') +
                     "1" + std::string(5000, ')') + "; }";
  EXPECT_EQ(Compile("").outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile(std::string(1, '\0')).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile(garbage).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile(parentheses).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile(deep).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_TRUE(IsClean(Compile(nested)));
  EXPECT_EQ(Compile("/* never closed " + std::string(kKernel)).outcome(),
            proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile("#if 0\n" + std::string(kKernel)).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile("template <int n> struct S { typename S<n + 1>::T t; };\nS<0> s;\n" +
                    std::string(kKernel))
                .outcome(),
            proto::CompileReply::SOURCE_ERROR);
}

TEST(Refusal, AStrayPragmaIsNoHarm) {
  const proto::CompileReply reply = Compile(
      "#pragma once\n#pragma unroll\n#pragma comment(lib, \"x\")\n#pragma clang module load x\n"
      "#pragma pack(1)\n#pragma weak other\n" +
      std::string(kKernel));
  EXPECT_NE(reply.outcome(), proto::CompileReply::CRASHED);
}

TEST(Refusal, AnOutputOverTheLimit) {
  proto::CompileRequest request = RequestFor(kKernel);
  request.set_output_bytes(100);
  const proto::CompileReply reply = Compile(request);
  EXPECT_EQ(reply.outcome(), proto::CompileReply::OUTPUT_TOO_LARGE);
  EXPECT_TRUE(reply.code_object().empty());
  EXPECT_THAT(reply.message(), HasSubstr("the limit is 100"));
}

TEST(Refusal, StrictMathContractsNothingAndUsesNoVectorLibrary) {
  const std::string source =
      "extern \"C\" __global__ void k(const float* a, float* b, int n) {\n"
      "  int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
      "  if (i < n) b[i] = expf(a[i]) * 3.0f + a[i];\n}";
  proto::CompileRequest request = RequestFor(source);
  EXPECT_THAT(CodeOf(Compile(request)).object(), HasSubstr("_ZGV"));
  request.set_strict_math(true);
  EXPECT_THAT(CodeOf(Compile(request)).object(), Not(HasSubstr("_ZGV")));
}

}  // namespace
}  // namespace amdgpu::hostcc
