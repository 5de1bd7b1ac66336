// Unit: the compiler process for GPUs, with the real hipRTC and NVRTC as far as this machine has
// them: what they compile, what a source cannot reach, what a crash costs. Each suite is skipped
// with a line where its library is absent.

#include <dirent.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gpu/vendor/code_object/code_object.h"
#include "gtest/gtest.h"
#include "proto/code_object.pb.h"
#include "tests/gpu/compiler_process/zygote_client.h"

namespace amdgpu::vendorcc {
namespace {

using compiler_process::ZygoteClient;
using proto::CompileReply;
using proto::CompileRequest;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kSaxpy[] = R"(#include <hip/hip_runtime.h>
struct Pair { int a; double b; };
extern "C" __global__ void saxpy(int n, float a, const float* __restrict__ x, float* y) {
  __shared__ float tile[64];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  tile[threadIdx.x & 63] = x[i];
  __syncthreads();
  if (i < n) y[i] = a * x[i] + tile[0];
}
template <class T>
__global__ void __launch_bounds__(128) scale(T* p, T factor, Pair pair) {
  p[threadIdx.x] *= factor + pair.a;
}
__device__ int counter;
extern "C" __global__ void count() { counter += 1; }
)";

struct Kind {
  const char* argument;
  const char* target;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.argument; }

std::string Text(const CompileReply& reply) {
  std::string text = reply.message() + "\n";
  for (const proto::Diagnostic& d : reply.diagnostics()) {
    text += d.file() + ":" + std::to_string(d.line()) + ":" + std::to_string(d.column()) + ": " +
            proto::Diagnostic::Severity_Name(d.severity()) + ": " + d.message() + "\n" +
            d.source_line() + "\n";
  }
  return text;
}

std::size_t LeftBehind() {
  std::size_t count = 0;
  DIR* directory = opendir("/dev/shm");
  if (directory == nullptr) return 0;
  while (const dirent* entry = readdir(directory)) {
    if (std::string(entry->d_name).starts_with("amdgpu-compile-")) ++count;
  }
  closedir(directory);
  return count;
}

class VendorCompilerTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    client_ = std::make_unique<ZygoteClient>(AMDGPU_VENDORCC_PATH,
                                             std::vector<std::string>{GetParam().argument});
    if (!client_->hello().unusable().empty()) GTEST_SKIP() << client_->hello().unusable();
  }
  CompileRequest Request(const std::string& source, const std::vector<std::string>& names = {}) {
    CompileRequest request;
    request.set_source(source);
    request.set_optimization(3);
    request.set_target(GetParam().target);
    for (const std::string& name : names) request.add_names(name);
    return request;
  }
  CompileReply Compile(const std::string& source, const std::vector<std::string>& names = {}) {
    return client_->Compile(Request(source, names));
  }
  proto::VendorCodeObject CodeOf(const CompileReply& reply) {
    EXPECT_EQ(reply.outcome(), CompileReply::OK) << Text(reply);
    proto::VendorCodeObject object;
    EXPECT_TRUE(object.ParseFromString(reply.code_object()));
    return object;
  }
  bool amd() const { return std::string(GetParam().argument) == "hip"; }
  bool Knows(const std::string& arch) const {
    const auto& archs = client_->hello().archs();
    return std::find(archs.begin(), archs.end(), arch) != archs.end();
  }

  std::unique_ptr<ZygoteClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Vendors, VendorCompilerTest,
                         testing::Values(Kind{"hip", "gfx90a"}, Kind{"cuda", "sm_90"}),
                         testing::PrintToStringParamName());

TEST_P(VendorCompilerTest, SaysWhatItIs) {
  EXPECT_THAT(client_->hello().version(), HasSubstr(amd() ? "hipRTC" : "NVRTC"));
  EXPECT_THAT(client_->hello().library(), HasSubstr("/"));
  EXPECT_LE(client_->hello().version().size(), 64u) << "longer than a cache entry keeps";
}

TEST_P(VendorCompilerTest, CompilesKernelsAndReadsWhatTheObjectSaysOfThem) {
  const proto::VendorCodeObject object = CodeOf(Compile(kSaxpy, {"saxpy", "scale<double>"}));
  EXPECT_EQ(object.target(), GetParam().target);
  EXPECT_FALSE(object.image().empty());
  ASSERT_EQ(object.kernels_size(), 2);
  const proto::KernelInfo& saxpy = object.kernels(0);
  EXPECT_EQ(saxpy.name(), "saxpy");
  EXPECT_EQ(saxpy.symbol(), "saxpy");
  EXPECT_EQ(saxpy.static_shared_bytes(), 256u);
  EXPECT_GT(saxpy.registers(), 0u);
  EXPECT_EQ(saxpy.args_size(), 24u);
  ASSERT_EQ(saxpy.params_size(), 4);
  const std::uint32_t offsets[] = {0, 4, 8, 16};
  const std::uint32_t sizes[] = {4, 4, 8, 8};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(saxpy.params(i).offset(), offsets[i]);
    EXPECT_EQ(saxpy.params(i).size(), sizes[i]);
    // Only AMD's objects say which are pointers.
    EXPECT_EQ(saxpy.params(i).kind(), amd() && i >= 2 ? proto::PARAM_POINTER : proto::PARAM_OPAQUE);
  }
  const proto::KernelInfo& scale = object.kernels(1);
  EXPECT_EQ(scale.name(), "scale<double>");
  EXPECT_THAT(scale.symbol(), HasSubstr("scale"));
  EXPECT_EQ(scale.max_threads_per_block(), 128u);
  ASSERT_EQ(scale.params_size(), 3);
  EXPECT_EQ(scale.params(2).offset(), 16u);
  EXPECT_EQ(scale.params(2).size(), 16u);
  ASSERT_EQ(object.globals_size(), 1);
  EXPECT_EQ(object.globals(0).name(), "counter");
  EXPECT_EQ(object.globals(0).size(), 4u);
}

TEST_P(VendorCompilerTest, WithoutNamesAllKernelsAreThere) {
  std::vector<std::string> names;
  const proto::VendorCodeObject object = CodeOf(Compile(kSaxpy));
  for (const auto& kernel : object.kernels()) names.push_back(kernel.name());
  EXPECT_THAT(names, testing::UnorderedElementsAre("saxpy", "count"));
}

TEST_P(VendorCompilerTest, CompilesForEveryTargetThatItKnowsOfThoseThatWeName) {
  const std::vector<std::string> targets =
      amd() ? std::vector<std::string>{"gfx90a", "gfx942", "gfx1100", "gfx1030",
                                       "gfx90a:sramecc+:xnack-"}
            : std::vector<std::string>{"sm_80", "sm_90", "sm_100", "compute_90", "sm_90a"};
  int compiled = 0;
  for (const std::string& target : targets) {
    CompileRequest request = Request(kSaxpy, {"saxpy"});
    request.set_target(target);
    const CompileReply reply = client_->Compile(request);
    if (reply.outcome() == CompileReply::REFUSED) {
      EXPECT_THAT(reply.message(), HasSubstr("does not know")) << target;
      continue;
    }
    EXPECT_EQ(CodeOf(reply).kernels(0).params_size(), 4) << target;
    ++compiled;
  }
  EXPECT_GE(compiled, 2);
}

TEST_P(VendorCompilerTest, RefusesTargetsThatAreNotItsOwn) {
  for (const char* target : {"", "host", "gfx1", "sm_1", "gfx90a -include /etc/passwd", "x86",
                             "sm_90;", amd() ? "sm_90" : "gfx90a"}) {
    CompileRequest request = Request(kSaxpy);
    request.set_target(target);
    EXPECT_EQ(client_->Compile(request).outcome(), CompileReply::REFUSED) << target;
  }
}

TEST_P(VendorCompilerTest, DiagnosticsPointAtTheCallersSource) {
  CompileRequest request = Request(
      "__device__ float f(float a) {\n\treturn a + nothing_here; }\n"
      "extern \"C\" __global__ void k(float* p) {\n    p[0] = f(3.0f);\n}");
  request.set_file_name("my \"kernels\".hip");
  proto::Define* define = request.add_defines();
  define->set_name("UNUSED");
  define->set_value("1");
  const CompileReply reply = client_->Compile(request);
  ASSERT_EQ(reply.outcome(), CompileReply::SOURCE_ERROR);
  ASSERT_GE(reply.diagnostics_size(), 1);
  const proto::Diagnostic& d = reply.diagnostics(0);
  EXPECT_EQ(d.severity(), proto::Diagnostic::ERROR);
  EXPECT_EQ(d.file(), "my \"kernels\".hip");
  EXPECT_EQ(d.line(), 2u);
  EXPECT_EQ(d.column(), 13u);
  EXPECT_EQ(d.source_line(), "\treturn a + nothing_here; }");
  EXPECT_THAT(d.message(), HasSubstr("nothing_here"));
}

TEST_P(VendorCompilerTest, AWarningComesWithTheCode) {
  const CompileReply reply =
      Compile("#warning mind the step\nextern \"C\" __global__ void k(int* p) { p[0] = 1; }");
  EXPECT_EQ(reply.outcome(), CompileReply::OK) << Text(reply);
  ASSERT_EQ(reply.diagnostics_size(), 1) << Text(reply);
  EXPECT_EQ(reply.diagnostics(0).severity(), proto::Diagnostic::WARNING);
  EXPECT_EQ(reply.diagnostics(0).line(), 1u);
  EXPECT_THAT(reply.diagnostics(0).message(), HasSubstr("mind the step"));
}

TEST_P(VendorCompilerTest, ANameThatIsNoKernelIsAnErrorOfTheSource) {
  for (const char* name : {"nothing", "scale", "Pair", "counter"}) {
    const CompileReply reply = Compile(kSaxpy, {"saxpy", name});
    EXPECT_EQ(reply.outcome(), CompileReply::SOURCE_ERROR) << name;
    EXPECT_THAT(Text(reply), HasSubstr("kernel")) << name;
    EXPECT_THAT(Text(reply), Not(AnyOf(HasSubstr("__hiprtc"), HasSubstr("__nv_name"))));
  }
  EXPECT_EQ(Compile("int x;").outcome(), CompileReply::SOURCE_ERROR);
  EXPECT_EQ(Compile("").outcome(), CompileReply::SOURCE_ERROR);
}

TEST_P(VendorCompilerTest, AnUndefinedFunctionIsAnErrorOfTheSource) {
  const CompileReply reply = Compile(
      "extern \"C\" __device__ int elsewhere(int);\n"
      "extern \"C\" __global__ void k(int* p) { p[0] = elsewhere(3); }");
  EXPECT_EQ(reply.outcome(), CompileReply::SOURCE_ERROR);
  EXPECT_THAT(Text(reply), HasSubstr("elsewhere"));
}

TEST_P(VendorCompilerTest, NoIncludeReachesAFile) {
  const std::string kernel = "\nextern \"C\" __global__ void k(int* x) { x[0] = 1; }\n";
  for (const char* path :
       {"/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/dev/zero",
        "../../../../../../etc/passwd", "/usr/include/stdio.h", "unistd.h", "vector", "iostream",
        "hip/amd_detail/amd_hip_runtime.h", "cuda_runtime.h"}) {
    for (const char* form : {"#include \"%\"", "#include <%>"}) {
      std::string directive = form;
      directive.replace(directive.find('%'), 1, path);
      const CompileReply reply = Compile(directive + kernel);
      EXPECT_EQ(reply.outcome(), CompileReply::SOURCE_ERROR) << directive;
      EXPECT_THAT(Text(reply), Not(HasSubstr("root:"))) << directive;
      EXPECT_THAT(Text(reply), HasSubstr("is not one of the runtime's headers")) << directive;
    }
  }
}

TEST_P(VendorCompilerTest, TheMachinesFilesDoNotSeemToExist) {
  for (const char* path : {"/etc/passwd", "/proc/self/maps", "/usr/include/stdio.h", "/dev/null"}) {
    const CompileReply reply = Compile("#if __has_include(\"" + std::string(path) +
                                       "\")\n#error it is there\n#endif\n"
                                       "extern \"C\" __global__ void k(int* x) { x[0] = 1; }\n");
    EXPECT_EQ(reply.outcome(), CompileReply::OK) << path << Text(reply);
  }
}

TEST_P(VendorCompilerTest, AssemblyCannotBringAFileIn) {
  const CompileReply reply = Compile(
      "__asm__(\".incbin \\\"/etc/passwd\\\"\");\n"
      "extern \"C\" __global__ void k(int* x) { x[0] = 1; asm volatile(\".incbin "
      "\\\"/etc/passwd\\\"\"); }\n");
  EXPECT_THAT(reply.code_object(), Not(HasSubstr("root:")));
  EXPECT_THAT(Text(reply), Not(HasSubstr("root:")));
}

TEST_P(VendorCompilerTest, DefinesAreTheSourcesAlone) {
  CompileRequest request = Request("static_assert(TILE * 2 == 32, \"\");\n" + std::string(kSaxpy));
  for (const char* name : {"x0", "T", "value", "type"}) {
    proto::Define* define = request.add_defines();
    define->set_name(name);
    define->set_value("3");
  }
  request.set_source(
      "constexpr int tile = TILE;\nextern \"C\" __global__ void k(int* p) {"
      " p[0] = tile + T; }");
  proto::Define* define = request.add_defines();
  define->set_name("TILE");
  define->set_value("16");
  EXPECT_EQ(client_->Compile(request).outcome(), CompileReply::OK)
      << Text(client_->Compile(request));
  request.mutable_defines(0)->set_name("a b");
  EXPECT_EQ(client_->Compile(request).outcome(), CompileReply::REFUSED);
}

TEST_P(VendorCompilerTest, TheHostsSourceCompilesHere) {
  const CompileReply reply = Compile(R"(
#include <hip/hip_runtime.h>
#include <hip/hip_fp16.h>
#include <hip/hip_math_constants.h>
#include <cassert>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
extern "C" __global__ void k(const __half* a, float* b, int n, uint8_t* q, int64_t* l) {
  const int i = hipBlockIdx_x * blockDim.x + threadIdx.x;
  float v = __half2float(a[i]) + std::sqrt(b[i]) + std::numeric_limits<float>::max() + HIP_PI_F;
  v += __shfl_down(v, 1) + __shfl_xor(v, 2) + __popcll(__ballot(i < n)) + __any(i) + __all(n);
  assert(n > 0);
  b[i] = fminf(v, FLT_MAX);
  q[0] = std::numeric_limits<int>::min() & 3;
  l[0] = INT_MAX + (std::uint32_t)warpSize;
  if (v > 3) printf("%d\n", n);
  if (v > 4) __builtin_trap();
  if (v > 5) std::abort();
  std::memset(q, std::abs(n), 4);
  std::memcpy(q + 4, l, 8);
  atomicAdd(b, v);
})");
  EXPECT_EQ(reply.outcome(), CompileReply::OK) << Text(reply);
}

TEST_P(VendorCompilerTest, HalfPrecisionOfBothKinds) {
  for (const char* type : {"__half", "__hip_bfloat16"}) {
    const std::string source =
        "#include <hip/hip_bf16.h>\nextern \"C\" __global__ void k(const " + std::string(type) +
        "* a, float* b) {\n  b[threadIdx.x] = (float)a[threadIdx.x] + (float)" + std::string(type) +
        "(1.5f);\n}";
    EXPECT_EQ(Compile(source).outcome(), CompileReply::OK) << type << Text(Compile(source));
  }
}

TEST_P(VendorCompilerTest, NonsenseIsAnswered) {
  std::string garbage(10'000, '\0');
  unsigned state = 1;
  for (char& c : garbage)
    c = static_cast<char>('!' + ((state = state * 1664525u + 1013904223u) >> 24) % 90);
  const std::string nested =
      "extern \"C\" __global__ void k(int* x) { x[0] = " + std::string(100, '(') + "1" +
      std::string(100, ')') + "; }";
  EXPECT_NE(Compile(garbage).outcome(), CompileReply::OK);
  EXPECT_NE(Compile(std::string(50'000, '(')).outcome(), CompileReply::OK);
  EXPECT_EQ(Compile(nested).outcome(), CompileReply::OK);
  EXPECT_EQ(Compile(kSaxpy).outcome(), CompileReply::OK) << "it does not work any more";
}

TEST_P(VendorCompilerTest, AnEndlessCompileEnds) {
  // Doubles with every level.
  const std::string source =
      "template <int n, int m> struct F { static const unsigned value = F<n - 1, m>::value + "
      "F<n - 1, m + (1 << n)>::value; };\n"
      "template <int m> struct F<0, m> { static const unsigned value = 1; };\n"
      "extern \"C\" __global__ void k(unsigned* x) { x[0] = F<22, 0>::value; }";
  CompileRequest request = Request(source);
  request.set_timeout_ms(1000);
  EXPECT_THAT(client_->Compile(request).outcome(),
              AnyOf(CompileReply::TIMED_OUT, CompileReply::OUT_OF_MEMORY));
}

TEST_P(VendorCompilerTest, AnOutputOverTheLimit) {
  CompileRequest request = Request(kSaxpy);
  request.set_output_bytes(100);
  const CompileReply reply = client_->Compile(request);
  EXPECT_EQ(reply.outcome(), CompileReply::OUTPUT_TOO_LARGE);
  EXPECT_TRUE(reply.code_object().empty());
}

TEST_P(VendorCompilerTest, LeavesNothingBehind) {
  const std::size_t before = LeftBehind();
  const UniqueFd cancelled = client_->Start(Request(kSaxpy));
  EXPECT_EQ(Compile(kSaxpy).outcome(), CompileReply::OK);
  EXPECT_LE(LeftBehind(), before);
  EXPECT_EQ(client_->End(), 0);
  EXPECT_LT(LeftBehind(), before);
}

TEST_P(VendorCompilerTest, ADamagedImageIsReadWithoutHarm) {
  const std::string image = CodeOf(Compile(kSaxpy)).image();
  int refused = 0;
  for (std::size_t i = 0; i < image.size(); ++i) {
    std::string damaged = image;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    if (!code_object::ReadCodeObject(damaged).ok()) ++refused;
  }
  EXPECT_GT(refused, 0);
  for (std::size_t size = 0; size < image.size(); size += 7) {
    EXPECT_FALSE(code_object::ReadCodeObject(image.substr(0, size)).ok()) << size;
  }
}

TEST(VendorCompiler, AnAbsentLibraryIsSaidInTheHello) {
  setenv("AMDGPU_HIPRTC_LIBRARY", "/nowhere/libhiprtc.so", 1);
  ZygoteClient client(AMDGPU_VENDORCC_PATH, {"hip"});
  unsetenv("AMDGPU_HIPRTC_LIBRARY");
  EXPECT_THAT(client.hello().unusable(), HasSubstr("libamdhip64-dev"));
  EXPECT_EQ(client.End(), 0);
}

}  // namespace
}  // namespace amdgpu::vendorcc
