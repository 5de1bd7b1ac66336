// End to end: the compile service with the real compiler.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "c_src/base/clock.h"
#include "c_src/base/error.h"
#include "c_src/kernel/compile_service.h"
#include "proto/code_object.pb.h"
#include "tests/c_src/kernel/test_directory.h"

namespace amdgpu {
namespace {

constexpr char kSaxpy[] =
    "extern \"C\" __global__ void saxpy(int n, float a, const float* x, float* y) {\n"
    "  int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
    "  if (i < n) y[i] = a * x[i] + y[i];\n"
    "}\n";

class RealCompilerTest : public testing::Test {
 protected:
  std::unique_ptr<CompileService> Create() const {
    CompileServiceOptions options;
    options.compiler_path = REAL_COMPILER;
    options.vendor_compiler_path = REAL_VENDOR_COMPILER;
    options.cache_dir = directory_.Path("cache");
    auto service = CompileService::Create(options);
    EXPECT_TRUE(service.ok()) << service.status();
    return *std::move(service);
  }

  static proto::CompileRequest Request(const std::string& source) {
    proto::CompileRequest request;
    request.set_source(source);
    request.set_optimization(3);
    return request;
  }

  static CompileResult Compile(CompileService& service, const proto::CompileRequest& request) {
    std::promise<CompileResult> promise;
    service.Compile(request, [&](CompileResult result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  static CompileResult Compile(CompileService& service, const std::string& source) {
    return Compile(service, Request(source));
  }

  const TestDirectory directory_;
};

TEST_F(RealCompilerTest, CompilesAKernelAndFindsItAgain) {
  {
    auto service = Create();
    const CompileResult result = Compile(*service, kSaxpy);
    ASSERT_TRUE(result.code.ok()) << result.code.status();
    EXPECT_EQ(result.origin, CodeOrigin::kCompiled);
    proto::HostCodeObject code;
    ASSERT_TRUE(code.ParseFromString((*result.code)->bytes));
    ASSERT_EQ(code.kernels_size(), 1);
    EXPECT_EQ(code.kernels(0).name(), "saxpy");
    EXPECT_EQ(code.kernels(0).params_size(), 4);
    const CompileResult warm = Compile(*service, std::string(kSaxpy) + "// again\n");
    EXPECT_TRUE(warm.code.ok());
    std::printf("compiled by a warm compiler in %.1f ms\n",
                static_cast<double>(warm.duration_ns) / 1e6);
  }
  auto service = Create();
  const CompileResult disk = Compile(*service, kSaxpy);
  ASSERT_TRUE(disk.code.ok()) << disk.code.status();
  EXPECT_EQ(disk.origin, CodeOrigin::kDisk);
  std::vector<std::uint64_t> times;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t start = NowNs();
    EXPECT_NE(service->Lookup(Request(kSaxpy)), nullptr);
    times.push_back(NowNs() - start);
  }
  std::nth_element(times.begin(), times.begin() + 500, times.end());
  std::printf("from disk in %.2f ms, from memory in %.2f us\n",
              static_cast<double>(disk.duration_ns) / 1e6, static_cast<double>(times[500]) / 1e3);
}

TEST_F(RealCompilerTest, SaysWhereTheSourceIsWrong) {
  auto service = Create();
  const CompileResult result =
      Compile(*service, "extern \"C\" __global__ void k(float* x) {\n  x[0] = foo;\n}\n");
  ASSERT_TRUE(absl::IsInvalidArgument(result.code.status())) << result.code.status();
  const auto detail = GetErrorDetail(result.code.status());
  ASSERT_TRUE(detail.has_value());
  ASSERT_GE(detail->compile().diagnostics_size(), 1);
  EXPECT_EQ(detail->compile().diagnostics(0).line(), 2u);
  EXPECT_EQ(detail->compile().diagnostics(0).column(), 10u);
  EXPECT_NE(result.code.status().message().find("\n    2 |   x[0] = foo;\n      |          ^"),
            std::string::npos)
      << result.code.status();
}

// What the machine has: the first target of the list that compiles, or a reason to skip.
class RealGpuCompilerTest : public RealCompilerTest,
                            public testing::WithParamInterface<const char*> {
 protected:
  proto::CompileRequest GpuRequest(const std::string& source,
                                   const std::vector<std::string>& names = {}) const {
    proto::CompileRequest request = Request(source);
    request.set_target(GetParam());
    for (const std::string& name : names) request.add_names(name);
    return request;
  }
  static bool IsAbsent(const CompileResult& result) {
    return absl::IsFailedPrecondition(result.code.status());
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, RealGpuCompilerTest, testing::Values("gfx90a", "sm_90"));

TEST_P(RealGpuCompilerTest, TheSourceSaysWhatTheArgumentsAre) {
  auto service = Create();
  // The body is nothing for the host's compiler, which does not look at it.
  const std::string source =
      "struct Pair { int a; double b; };\n"
      "namespace n { __device__ int counter; }\n"
      "template <class T> __global__ void k(const T* in, float4* out, T factor, Pair p, bool b) {\n"
      "#ifdef __AMDGPU_HOST_DEVICE__\n  this is not C++;\n#else\n"
      "  out[0].x = in[0] * factor + p.a + b + n::counter;\n#endif\n}\n";
  const CompileResult result = Compile(*service, GpuRequest(source, {"k<double>"}));
  if (IsAbsent(result)) GTEST_SKIP() << result.code.status().message();
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_TRUE((*result.code)->warnings.empty()) << (*result.code)->warnings[0].message();
  proto::VendorCodeObject object;
  ASSERT_TRUE(object.ParseFromString((*result.code)->bytes));
  EXPECT_EQ(object.target(), GetParam());
  ASSERT_EQ(object.kernels_size(), 1);
  const proto::KernelInfo& kernel = object.kernels(0);
  EXPECT_EQ(kernel.name(), "k<double>");
  ASSERT_EQ(kernel.params_size(), 5);
  EXPECT_EQ(kernel.params(0).type(), "const double*");
  EXPECT_EQ(kernel.params(0).dtype(), proto::DTYPE_F64);
  EXPECT_TRUE(kernel.params(0).read_only());
  EXPECT_EQ(kernel.params(1).dtype(), proto::DTYPE_F32);
  EXPECT_EQ(kernel.params(1).lanes(), 4u);
  EXPECT_EQ(kernel.params(2).kind(), proto::PARAM_SCALAR);
  EXPECT_EQ(kernel.params(3).kind(), proto::PARAM_AGGREGATE);
  EXPECT_EQ(kernel.params(3).offset(), 24u);
  EXPECT_EQ(kernel.params(4).dtype(), proto::DTYPE_BOOL);
  ASSERT_EQ(object.globals_size(), 1);
  EXPECT_EQ(object.globals(0).name(), "n::counter");
  EXPECT_EQ(object.globals(0).symbol(), "_ZN1n7counterE");
}

TEST_P(RealGpuCompilerTest, IsFoundOnDiskByTheLibrarysVersion) {
  if (const CompileResult result = Compile(*Create(), GpuRequest(kSaxpy)); IsAbsent(result)) {
    GTEST_SKIP() << result.code.status().message();
  }
  auto service = Create();
  const CompileResult disk = Compile(*service, GpuRequest(kSaxpy));
  ASSERT_TRUE(disk.code.ok()) << disk.code.status();
  EXPECT_EQ(disk.origin, CodeOrigin::kDisk);
  EXPECT_NE(service->Lookup(GpuRequest(kSaxpy)), nullptr);
  EXPECT_EQ(service->Lookup(Request(kSaxpy)), nullptr);
}

TEST_P(RealGpuCompilerTest, AWrongNameIsToldTheRightOnes) {
  auto service = Create();
  const CompileResult result = Compile(*service, GpuRequest(kSaxpy, {"saxpi"}));
  if (IsAbsent(result)) GTEST_SKIP() << result.code.status().message();
  ASSERT_TRUE(absl::IsInvalidArgument(result.code.status())) << result.code.status();
  EXPECT_NE(result.code.status().message().find("the source has: saxpy"), std::string::npos)
      << result.code.status();
}

TEST_P(RealGpuCompilerTest, AnErrorIsTheVendorsAlone) {
  auto service = Create();
  const CompileResult result = Compile(
      *service, GpuRequest("extern \"C\" __global__ void k(float* x) {\n  x[0] = foo;\n}\n"));
  if (IsAbsent(result)) GTEST_SKIP() << result.code.status().message();
  ASSERT_TRUE(absl::IsInvalidArgument(result.code.status())) << result.code.status();
  EXPECT_NE(result.code.status().message().find("\n    2 |   x[0] = foo;\n      |          ^"),
            std::string::npos)
      << result.code.status();
}

TEST_P(RealGpuCompilerTest, CanBeCancelled) {
  auto service = Create();
  std::promise<CompileResult> promise;
  const auto id = service->Compile(
      GpuRequest(kSaxpy), [&](CompileResult result) { promise.set_value(std::move(result)); });
  if (service->Cancel(id)) {
    EXPECT_TRUE(absl::IsCancelled(promise.get_future().get().code.status()));
  } else {
    promise.get_future().wait();
  }
}

TEST_F(RealCompilerTest, AnAbsentCompilerIsAClearError) {
  setenv("AMDGPU_HIPRTC_LIBRARY", "/nowhere/libhiprtc.so", 1);
  auto service = Create();
  proto::CompileRequest request = Request(kSaxpy);
  request.set_target("gfx90a");
  for (int i = 0; i < 2; ++i) {
    const CompileResult result = Compile(*service, request);
    EXPECT_TRUE(absl::IsFailedPrecondition(result.code.status())) << result.code.status();
    EXPECT_NE(result.code.status().message().find("libamdhip64-dev"), std::string::npos);
  }
  unsetenv("AMDGPU_HIPRTC_LIBRARY");
  for (const char* target : {"gfx1", "sm_1", "tpu", "gfx90a;rm"}) {
    request.set_target(target);
    EXPECT_TRUE(absl::IsFailedPrecondition(Compile(*service, request).code.status())) << target;
  }
  EXPECT_TRUE(Compile(*service, kSaxpy).code.ok()) << "the host's compiler must not care";
  EXPECT_EQ(service->stats().crashes, 0u);
}

}  // namespace
}  // namespace amdgpu
