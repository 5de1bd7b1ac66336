// Unit: every kernel that ships with the runtime compiles for GPUs, with the real hipRTC and NVRTC
// as far as this machine has them, for every target that they know. What the kernels compute is
// tested from Elixir.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/code_object.pb.h"
#include "tests/gpu/compiler_process/zygote_client.h"

namespace amdgpu {
namespace {

using compiler_process::ZygoteClient;
using proto::CompileReply;
using proto::CompileRequest;

struct Target {
  const char* compiler;
  const char* arch;
};
void PrintTo(const Target& target, std::ostream* out) { *out << target.arch; }

using Defines = std::vector<std::pair<std::string, std::string>>;
struct Case {
  std::string file;
  std::vector<std::string> kernels;
  Defines defines;
};

struct Type {
  const char* name;
  const char* sum;
  const char* matrix;  // the define that says it to matmul.hip
};
constexpr Type kFloats[] = {{"float", "float", "MATRIX_F32"},
                            {"double", "double", "MATRIX_F64"},
                            {"half_t", "half_t", "MATRIX_F16"},
                            {"bf16_t", "bf16_t", "MATRIX_BF16"}};
constexpr Type kIntegers = {"unsigned char", "unsigned long long", nullptr};

void AddCases(const Type& type, std::vector<Case>& cases) {
  const Defines element = {{"ELEMENT", type.name}, {"ITEMS", "4"}};
  auto with = [&](Defines more) {
    more.insert(more.begin(), element.begin(), element.end());
    return more;
  };
  cases.push_back({"copy", {"copy", "fill"}, element});
  cases.push_back({"saxpy", {"saxpy"}, element});
  cases.push_back({"transpose", {"transpose"}, element});
  cases.push_back({"histogram", {"histogram", "histogram_large"}, element});
  cases.push_back({"scan", {"scan_tiles", "add_offsets"}, with({{"RESULT", type.sum}})});
  cases.push_back({"map",
                   {"map_unary", "map_binary", "map_scalar"},
                   with({{"EXPRESSION", type.matrix ? "f_exp(x) * y" : "divide_integers(x, y)"}})});
  for (const auto& [operation, result] :
       {std::pair("0", type.sum), std::pair("1", type.name), std::pair("3", "index_t")}) {
    cases.push_back(
        {"reduce",
         {"reduce_partial", "reduce_final", "reduce_rows", "reduce_columns", "reduce_axis"},
         with({{"OPERATION", operation}, {"RESULT", result}})});
  }
}

void AddFloatCases(const Type& type, std::vector<Case>& cases) {
  const Defines element = {{"ELEMENT", type.name}};
  cases.push_back({"softmax", {"softmax"}, element});
  cases.push_back({"neuromorphic", {"neuromorphic_activation", "adaptive_learning_rate"}, element});
  cases.push_back({"conv2d",
                   {"conv2d"},
                   {{"ELEMENT", type.name},
                    {"KERNEL_HEIGHT", "3"},
                    {"KERNEL_WIDTH", "3"},
                    {"STRIDE_Y", "1"},
                    {"STRIDE_X", "1"},
                    {"PAD_Y", "1"},
                    {"PAD_X", "1"},
                    {"DILATION_Y", "1"},
                    {"DILATION_X", "1"},
                    {"GROUPS", "1"},
                    {"BIAS", "1"}}});
  for (const char* matrix : {"0", "1"}) {  // and transposing or not, in the same two compiles
    cases.push_back({"matmul",
                     {"matmul"},
                     {{"ELEMENT", type.name},
                      {"TRANSPOSE_A", matrix},
                      {"TRANSPOSE_B", matrix},
                      {"BLOCK_M", "64"},
                      {"BLOCK_N", "64"},
                      {"BLOCK_K", "32"},
                      {"THREAD_M", "4"},
                      {"THREAD_N", "4"},
                      {"MATRIX", matrix},
                      {type.matrix, "1"}}});
  }
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class VendorCompileTest : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    client_ = std::make_unique<ZygoteClient>(AMDGPU_VENDORCC_PATH,
                                             std::vector<std::string>{GetParam().compiler});
    if (!client_->hello().unusable().empty()) GTEST_SKIP() << client_->hello().unusable();
    const auto& archs = client_->hello().archs();
    if (std::find(archs.begin(), archs.end(), GetParam().arch) == archs.end()) {
      GTEST_SKIP() << client_->hello().version() << " does not know " << GetParam().arch;
    }
  }

  void Compile(const Case& test) {
    const std::string source = ReadFile(AMDGPU_KERNELS_DIR "/" + test.file + ".hip");
    ASSERT_NE(source, "") << test.file;
    CompileRequest request;
    request.set_source(source);
    request.set_file_name(test.file + ".hip");
    request.set_target(GetParam().arch);
    request.set_optimization(3);
    std::string defined;
    for (const auto& [name, value] : test.defines) {
      proto::Define* define = request.add_defines();
      define->set_name(name);
      define->set_value(value);
      defined += " " + name + "=" + value;
    }
    for (const std::string& kernel : test.kernels) request.add_names(kernel);
    const CompileReply reply = client_->Compile(request);
    ASSERT_EQ(reply.outcome(), CompileReply::OK)
        << test.file << defined << "\n"
        << reply.message() << (reply.diagnostics_size() > 0 ? reply.diagnostics(0).message() : "");
    proto::VendorCodeObject object;
    ASSERT_TRUE(object.ParseFromString(reply.code_object()));
    EXPECT_EQ(object.kernels_size(), static_cast<int>(test.kernels.size())) << test.file;
  }

  std::unique_ptr<ZygoteClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Targets, VendorCompileTest,
                         testing::Values(Target{"hip", "gfx90a"}, Target{"hip", "gfx942"},
                                         Target{"hip", "gfx1100"}, Target{"cuda", "sm_80"},
                                         Target{"cuda", "sm_90"}),
                         testing::PrintToStringParamName());

TEST_P(VendorCompileTest, EveryKernelOfFloats) {
  std::vector<Case> cases;
  for (const Type& type : kFloats) AddFloatCases(type, cases);
  // What is not about arithmetic: one type that every compiler has, and one that is made of
  // another.
  AddCases(kFloats[0], cases);
  AddCases(kFloats[3], cases);
  for (const Case& test : cases) Compile(test);
}

TEST_P(VendorCompileTest, EveryKernelOfIntegers) {
  std::vector<Case> cases;
  AddCases(kIntegers, cases);
  for (const Case& test : cases) Compile(test);
}

}  // namespace
}  // namespace amdgpu
