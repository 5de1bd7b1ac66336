// Unit: how a caller names the kernels that it wants.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr char kSource[] = R"(
  template <class T> __global__ void scale(T* x, T by) { x[threadIdx.x] *= by; }
  template <int n, bool add> __global__ void bump(int* x) { x[threadIdx.x] += add ? n : -n; }
  namespace deep { namespace down { __global__ void here(float* x) { x[0] = 1; } } }
  namespace { __global__ void hidden(float* x) { x[0] = 2; } }
  __global__ void over(float* x) { x[0] = 3; }
  __global__ void over(int* x) { x[0] = 3; }
  __global__ void plain(double* x) { x[0] = 4; }
  extern "C" __global__ void c_name(float* x) { x[0] = 5; }
  __device__ int helper(int x) { return x; }
)";

std::vector<std::string> NamesOf(const proto::HostCodeObject& code) {
  std::vector<std::string> names;
  for (const proto::KernelInfo& kernel : code.kernels()) names.push_back(kernel.name());
  return names;
}

std::string SymbolFor(const std::string& name) {
  const proto::CompileReply reply = Compile(kSource, {name});
  const proto::HostCodeObject code = CodeOf(reply);
  EXPECT_THAT(NamesOf(code), ElementsAre(name));
  return code.kernels_size() == 1 ? code.kernels(0).symbol() : "";
}

TEST(KernelNames, PlainAndExternC) {
  EXPECT_EQ(SymbolFor("c_name"), "c_name");
  EXPECT_EQ(SymbolFor("plain"), "_Z5plainPd");
  EXPECT_EQ(SymbolFor("&plain"), "_Z5plainPd");
  EXPECT_EQ(SymbolFor("deep::down::here"), "_ZN4deep4down4hereEPf");
  EXPECT_NE(SymbolFor("hidden"), "");
}

TEST(KernelNames, Templates) {
  EXPECT_EQ(SymbolFor("scale<float>"), "_Z5scaleIfEvPT_S0_");
  EXPECT_EQ(SymbolFor("scale< unsigned long long >"), "_Z5scaleIyEvPT_S0_");
  EXPECT_EQ(SymbolFor("bump<3, true>"), "_Z4bumpILi3ELb1EEvPi");
  EXPECT_EQ(SymbolFor("bump<2+2,(1>2)>"), "_Z4bumpILi4ELb0EEvPi");
}

TEST(KernelNames, AnInstanceHasItsOwnSignature) {
  const proto::HostCodeObject code = CodeOf(Compile(kSource, {"scale<double>", "scale<int>"}));
  ASSERT_EQ(code.kernels_size(), 2);
  EXPECT_EQ(code.kernels(0).params(0).dtype(), proto::DTYPE_F64);
  EXPECT_EQ(code.kernels(1).params(1).dtype(), proto::DTYPE_I32);
}

TEST(KernelNames, ACastChoosesAnOverload) {
  EXPECT_EQ(SymbolFor("(void(*)(int*))over"), "_Z4overPi");
  EXPECT_EQ(SymbolFor("(void(*)(float*))&over"), "_Z4overPf");
}

TEST(KernelNames, WithoutNamesEveryKernelThatIsNoTemplate) {
  EXPECT_THAT(NamesOf(CodeOf(Compile(kSource))),
              UnorderedElementsAre("deep::down::here", "(anonymous namespace)::hidden",
                                   "over(float*)", "over(int*)", "plain", "c_name"));
}

TEST(KernelNames, OnlyWhatIsAskedForIsCompiled) {
  const std::string object = CodeOf(Compile(kSource, {"plain"})).object();
  EXPECT_THAT(object, HasSubstr("__hdk__Z5plainPd"));
  EXPECT_THAT(object, testing::Not(HasSubstr("c_name")));
}

TEST(KernelNames, AnUnknownNameListsTheKernelsThereAre) {
  for (const char* name : {"missing", "scale", "over", "helper", "scale<Missing>", "deep::missing",
                           "bump<1>", "3", "threadIdx"}) {
    const proto::CompileReply reply = Compile(kSource, {"plain", name});
    EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR) << name;
    EXPECT_THAT(Text(reply), HasSubstr(std::string("no kernel is named '") + name + "'"));
    EXPECT_THAT(Text(reply), HasSubstr("c_name, deep::down::here"));
    EXPECT_THAT(Text(reply), HasSubstr("scale<...>"));
    EXPECT_EQ(reply.diagnostics_size(), 1) << Text(reply);
  }
}

TEST(KernelNames, ADeclarationIsNoKernel) {
  const proto::CompileReply reply =
      Compile("extern \"C\" __global__ void later(int*);\n__global__ void now() {}", {"later"});
  EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_THAT(Text(reply), HasSubstr("no kernel is named 'later'"));
}

TEST(KernelNames, ADeclarationBeforeTheDefinition) {
  EXPECT_TRUE(
      IsClean(Compile("extern \"C\" __global__ void later(int* x);\n"
                      "extern \"C\" __global__ void later(int* x) { x[0] = 1; }",
                      {"later"})));
}

TEST(KernelNames, ASourceWithoutKernels) {
  const proto::CompileReply reply = Compile("__device__ int f() { return 1; }");
  EXPECT_EQ(reply.outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_THAT(Text(reply), HasSubstr("no kernel"));
}

TEST(KernelNames, WhatIsNoNameIsRefused) {
  for (const char* name : {"", " ", "a; int b", "a\nb", "a{}", "#define x", "\"x\"", "a\\"}) {
    EXPECT_EQ(Compile(kSource, {name}).outcome(), proto::CompileReply::REFUSED) << name;
  }
}

TEST(KernelNames, ExplicitInstantiationAndSpecialisation) {
  EXPECT_TRUE(IsClean(Compile(R"(
    template <class T> __global__ void k(T* x) { x[0] = 1; }
    template __global__ void k<float>(float*);
    template <> __global__ void k<int>(int* x) { x[0] = 2; })",
                              {"k<float>", "k<int>", "k<double>"})));
}

}  // namespace
}  // namespace amdgpu::hostcc
