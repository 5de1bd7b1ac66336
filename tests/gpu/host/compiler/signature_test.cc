// Unit: what the compiler says of a kernel's parameters.

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gpu/host/abi.h"
#include "gpu/host/compiler/target.h"
#include "gpu/host/cpu_features.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

proto::KernelInfo KernelWith(const std::string& parameters, const std::string& before = "") {
  const proto::HostCodeObject code =
      CodeOf(Compile(before + "\nextern \"C\" __global__ void k(" + parameters + ") {}"));
  EXPECT_EQ(code.kernels_size(), 1);
  return code.kernels_size() == 1 ? code.kernels(0) : proto::KernelInfo();
}

proto::Param ParamOf(const std::string& parameter, const std::string& before = "") {
  const proto::KernelInfo kernel = KernelWith(parameter, before);
  EXPECT_EQ(kernel.params_size(), 1) << parameter;
  return kernel.params_size() == 1 ? kernel.params(0) : proto::Param();
}

TEST(Signature, Scalars) {
  struct Case {
    const char* type;
    proto::DType dtype;
    unsigned size;
  };
  for (const Case& expected :
       {Case{"char", proto::DTYPE_I8, 1}, Case{"unsigned char", proto::DTYPE_U8, 1},
        Case{"short", proto::DTYPE_I16, 2}, Case{"uint16_t", proto::DTYPE_U16, 2},
        Case{"int", proto::DTYPE_I32, 4}, Case{"const unsigned", proto::DTYPE_U32, 4},
        Case{"long", proto::DTYPE_I64, 8}, Case{"size_t", proto::DTYPE_U64, 8},
        Case{"long long", proto::DTYPE_I64, 8}, Case{"bool", proto::DTYPE_BOOL, 1},
        Case{"_Float16", proto::DTYPE_F16, 2}, Case{"__half", proto::DTYPE_F16, 2},
        Case{"__hip_bfloat16", proto::DTYPE_BF16, 2}, Case{"float", proto::DTYPE_F32, 4},
        Case{"double", proto::DTYPE_F64, 8}}) {
    const proto::Param param = ParamOf(std::string(expected.type) + " x");
    EXPECT_EQ(param.kind(), proto::PARAM_SCALAR) << expected.type;
    EXPECT_EQ(param.dtype(), expected.dtype) << expected.type;
    EXPECT_EQ(param.size(), expected.size) << expected.type;
    EXPECT_EQ(param.alignment(), expected.size) << expected.type;
    EXPECT_EQ(param.name(), "x");
  }
}

TEST(Signature, AnEnumIsItsInteger) {
  EXPECT_EQ(ParamOf("Color c", "enum class Color : unsigned char { red };").dtype(),
            proto::DTYPE_U8);
}

TEST(Signature, Pointers) {
  const proto::Param in = ParamOf("const float* __restrict__ in");
  EXPECT_EQ(in.kind(), proto::PARAM_POINTER);
  EXPECT_EQ(in.dtype(), proto::DTYPE_F32);
  EXPECT_EQ(in.type(), "const float*");
  EXPECT_TRUE(in.read_only());
  EXPECT_EQ(in.size(), 8u);
  EXPECT_EQ(in.lanes(), 1u);

  const proto::Param out = ParamOf("double* const out");
  EXPECT_FALSE(out.read_only());
  EXPECT_EQ(out.dtype(), proto::DTYPE_F64);
  EXPECT_EQ(out.type(), "double*");

  const proto::Param any = ParamOf("void* p");
  EXPECT_EQ(any.kind(), proto::PARAM_POINTER);
  EXPECT_EQ(any.dtype(), proto::DTYPE_NONE);

  EXPECT_EQ(ParamOf("int a[16]").kind(), proto::PARAM_POINTER);
  EXPECT_EQ(ParamOf("int a[16]").dtype(), proto::DTYPE_I32);
  const proto::Param rows = ParamOf("const float (*rows)[16]");
  EXPECT_EQ(rows.dtype(), proto::DTYPE_F32);
  EXPECT_TRUE(rows.read_only());
  EXPECT_EQ(ParamOf("S* s", "struct S { int a; };").dtype(), proto::DTYPE_NONE);
  EXPECT_EQ(ParamOf("float** table").dtype(), proto::DTYPE_NONE);
}

TEST(Signature, VectorsOfAPointer) {
  const proto::Param param = ParamOf("const float4* in");
  EXPECT_EQ(param.dtype(), proto::DTYPE_F32);
  EXPECT_EQ(param.lanes(), 4u);
  EXPECT_EQ(param.type(), "const float4*");
  EXPECT_EQ(ParamOf("uchar3* p").lanes(), 3u);
  EXPECT_EQ(ParamOf("__half2* p").dtype(), proto::DTYPE_F16);
  EXPECT_EQ(ParamOf("__half2* p").lanes(), 2u);
  EXPECT_EQ(ParamOf("v8* p", "typedef int v8 __attribute__((ext_vector_type(8)));").lanes(), 8u);
}

TEST(Signature, Aggregates) {
  const proto::Param vector = ParamOf("float4 v");
  EXPECT_EQ(vector.kind(), proto::PARAM_AGGREGATE);
  EXPECT_EQ(vector.size(), 16u);
  EXPECT_EQ(vector.alignment(), 16u);
  const proto::Param record = ParamOf("S s", "struct S { char a; double b[3]; };");
  EXPECT_EQ(record.kind(), proto::PARAM_AGGREGATE);
  EXPECT_EQ(record.type(), "S");
  EXPECT_EQ(record.size(), 32u);
  EXPECT_EQ(record.alignment(), 8u);
}

TEST(Signature, OffsetsAreThoseOfAStruct) {
  struct alignas(16) Float4 {
    float x, y, z, w;
  };
  struct Arguments {
    char a;
    double b;
    short c;
    Float4 d;
    char e;
    void* f;
    int g;
  };
  const proto::KernelInfo kernel =
      KernelWith("char a, double b, short c, float4 d, char e, void* f, int g");
  ASSERT_EQ(kernel.params_size(), 7);
  const std::size_t offsets[] = {offsetof(Arguments, a), offsetof(Arguments, b),
                                 offsetof(Arguments, c), offsetof(Arguments, d),
                                 offsetof(Arguments, e), offsetof(Arguments, f),
                                 offsetof(Arguments, g)};
  for (int i = 0; i < 7; ++i) EXPECT_EQ(kernel.params(i).offset(), offsets[i]) << i;
  EXPECT_EQ(kernel.args_size(), offsetof(Arguments, g) + 4);
}

TEST(Signature, NoParametersAndNoNames) {
  EXPECT_EQ(KernelWith("").args_size(), 0u);
  EXPECT_EQ(ParamOf("int").name(), "");
}

TEST(Signature, LaunchBounds) {
  const proto::HostCodeObject code =
      CodeOf(Compile("template <int n> __global__ void __launch_bounds__(2 * n) t() {}\n"
                     "extern \"C\" __global__ void __launch_bounds__(256, 2) k() {}",
                     {"k", "t<64>"}));
  ASSERT_EQ(code.kernels_size(), 2);
  EXPECT_EQ(code.kernels(0).max_threads_per_block(), 256u);
  EXPECT_EQ(code.kernels(1).max_threads_per_block(), 128u);
}

TEST(Signature, SharedMemory) {
  const proto::HostCodeObject code = CodeOf(Compile(R"(
    extern "C" __global__ void both(float* f) {
      __shared__ float tile[64];
      extern __shared__ float dynamic[];
      tile[threadIdx.x] = f[threadIdx.x];
      dynamic[threadIdx.x] = f[threadIdx.x];
      __syncthreads();
      f[threadIdx.x] = tile[63 - threadIdx.x] + dynamic[0];
    }
    extern "C" __global__ void none(float* f) { f[0] = 1; })"));
  ASSERT_EQ(code.kernels_size(), 2);
  EXPECT_EQ(code.kernels(0).static_shared_bytes(), 256u);
  EXPECT_TRUE(code.kernels(0).uses_dynamic_shared());
  EXPECT_EQ(code.kernels(1).static_shared_bytes(), 0u);
  EXPECT_FALSE(code.kernels(1).uses_dynamic_shared());
}

TEST(Signature, TheCodeObjectSaysWhatItIsFor) {
  proto::CompileRequest request = RequestFor("extern \"C\" __global__ void k() {}");
  request.set_block_x(16);
  request.set_block_y(8);
  request.set_block_z(1);
  const proto::HostCodeObject code = CodeOf(Compile(request));
  EXPECT_EQ(code.abi_version(), host::kAbiVersion);
  EXPECT_FALSE(code.target_cpu().empty());
  EXPECT_EQ(code.block_x(), 16u);
  EXPECT_EQ(code.block_y(), 8u);
  EXPECT_EQ(code.block_z(), 1u);
  EXPECT_EQ(code.object().substr(0, 4),
            "\x7f"
            "ELF");
}

TEST(Signature, TheCodeObjectSaysWhatItNeedsOfTheCpu) {
  const proto::HostCodeObject code = CodeOf(Compile("extern \"C\" __global__ void k() {}"));
  const std::vector<std::string> features(code.target_features().begin(),
                                          code.target_features().end());
  EXPECT_THAT(features, testing::UnorderedElementsAreArray(host::CpuFeatures()));
  // The loader finds by itself what LLVM finds.
  const absl::StatusOr<Target> target = DetectTarget();
  ASSERT_TRUE(target.ok());
  std::vector<std::string> of_llvm;
  for (const std::string& feature : target->features) {
    if (feature[0] == '+') of_llvm.push_back(feature.substr(1));
  }
  EXPECT_THAT(host::CpuFeatures(), testing::UnorderedElementsAreArray(of_llvm));
}

TEST(Signature, DeclarationsAloneWithBodiesForAnotherDevice) {
  const std::string declarations =
      "struct Pair { int a; double b; };\n"
      "__device__ float helper(float x) { BODY }\n"
      "namespace n { __constant__ float table[4]; }\n"
      "extern \"C\" __global__ void first(const float4* in, Pair p, bool b) { BODY }\n"
      "template <class T> __global__ void __launch_bounds__(64) second(T* x, T y) { BODY }\n";
  const auto with_body = [&](std::string text, const std::string& body) {
    for (std::size_t at; (at = text.find("BODY")) != std::string::npos;) text.replace(at, 4, body);
    return text;
  };
  proto::CompileRequest request =
      RequestFor(with_body(declarations, "this is __builtin_amdgcn_nothing(of + the {} host;"),
                 {"second<double>", "first"});
  request.set_signature_only(true);
  const proto::CompileReply reply = Compile(request);
  const proto::HostCodeObject code = CodeOf(reply);
  EXPECT_TRUE(code.object().empty());
  std::string source = declarations;
  source.replace(source.find("BODY"), 4, "return x;");
  const proto::HostCodeObject whole =
      CodeOf(Compile(with_body(source, ""), {"second<double>", "first"}));
  ASSERT_EQ(code.kernels_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(code.kernels(i).symbol(), whole.kernels(i).symbol());
    ASSERT_EQ(code.kernels(i).params_size(), whole.kernels(i).params_size());
    for (int j = 0; j < code.kernels(i).params_size(); ++j) {
      EXPECT_EQ(code.kernels(i).params(j).SerializeAsString(),
                whole.kernels(i).params(j).SerializeAsString());
    }
  }
  EXPECT_EQ(code.kernels(0).max_threads_per_block(), 64u);
  EXPECT_TRUE(std::any_of(code.globals().begin(), code.globals().end(),
                          [](const auto& global) { return global.name() == "n::table"; }));

  request.set_names(1, "third");
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_NE(Text(Compile(request)).find("the source has: first, second<...>"), std::string::npos);
  request.set_source("#include \"/etc/passwd\"\n" + request.source());
  EXPECT_EQ(Compile(request).outcome(), proto::CompileReply::SOURCE_ERROR);
}

}  // namespace
}  // namespace amdgpu::hostcc
