// Unit: what code objects of each kind say of themselves, read from kept ones that real compilers
// made of one source; and MessagePack by hand.

#include "gpu/vendor/code_object/code_object.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gpu/vendor/code_object/msgpack.h"
#include "gtest/gtest.h"

namespace amdgpu::code_object {
namespace {

using testing::HasSubstr;

std::string Kept(const std::string& name) {
  std::ifstream file(std::string(AMDGPU_CORPUS) + "/" + name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// extern "C" __global__ void add(int n, const float* x, float* y); __device__ int counter;
proto::VendorCodeObject Read(const std::string& name) {
  const absl::StatusOr<proto::VendorCodeObject> object = ReadCodeObject(Kept(name));
  EXPECT_TRUE(object.ok()) << name << ": " << object.status();
  if (!object.ok() || object->kernels_size() != 1) return {};
  const proto::KernelInfo& kernel = object->kernels(0);
  EXPECT_EQ(kernel.symbol(), "add") << name;
  EXPECT_EQ(kernel.args_size(), 24u) << name;
  EXPECT_EQ(kernel.params_size(), 3) << name;
  const std::uint32_t offsets[] = {0, 8, 16};
  const std::uint32_t sizes[] = {4, 8, 8};
  for (int i = 0; i < kernel.params_size(); ++i) {
    EXPECT_EQ(kernel.params(i).offset(), offsets[i]) << name;
    EXPECT_EQ(kernel.params(i).size(), sizes[i]) << name;
    EXPECT_EQ(kernel.params(i).alignment(), sizes[i]) << name;
  }
  EXPECT_EQ(object->globals_size(), 1) << name;
  if (object->globals_size() == 1) {
    EXPECT_EQ(object->globals(0).name(), "counter");
    EXPECT_EQ(object->globals(0).size(), 4u);
  }
  return *object;
}

TEST(CodeObjectTest, AmdSaysWhichArgumentsArePointers) {
  for (const char* name : {"gfx90a.co", "gfx1030.co", "bundled.co"}) {
    const proto::VendorCodeObject object = Read(name);
    ASSERT_EQ(object.kernels_size(), 1);
    const proto::KernelInfo& kernel = object.kernels(0);
    EXPECT_EQ(kernel.params(0).kind(), proto::PARAM_OPAQUE);
    EXPECT_EQ(kernel.params(1).kind(), proto::PARAM_POINTER);
    EXPECT_EQ(kernel.params(2).kind(), proto::PARAM_POINTER);
    EXPECT_GT(kernel.registers(), 0u);
    EXPECT_GT(kernel.scalar_registers(), 0u);
    EXPECT_EQ(kernel.max_threads_per_block(), 1024u);
  }
  EXPECT_EQ(Read("gfx90a.co").target(), "gfx90a");
  EXPECT_EQ(Read("gfx90a.co").kernels(0).wave_size(), 64u);
  EXPECT_EQ(Read("gfx1030.co").kernels(0).wave_size(), 32u);
}

TEST(CodeObjectTest, NvidiaSaysSizesAlone) {
  for (const char* name : {"sm_90.cubin", "compute_80.ptx"}) {
    const proto::VendorCodeObject object = Read(name);
    ASSERT_EQ(object.kernels_size(), 1);
    for (const proto::Param& param : object.kernels(0).params()) {
      EXPECT_EQ(param.kind(), proto::PARAM_OPAQUE) << name;
    }
  }
  EXPECT_GT(Read("sm_90.cubin").kernels(0).registers(), 0u);
  EXPECT_EQ(Read("compute_80.ptx").target(), "sm_80");
}

TEST(CodeObjectTest, PtxOfEveryKindOfParameter) {
  const absl::StatusOr<proto::VendorCodeObject> object = ReadCodeObject(
      ".version 8.0\n.target sm_80, debug\n.address_size 64\n"
      ".const .align 4 .b8 table[16] = {1, 2};\n"
      "// .entry in a comment\n"
      ".visible .entry k(\n\t.param .align 8 .b8 k_param_0[24],\n\t.param .u8 k_param_1,\n"
      "\t.param .f32 k_param_2,\n\t.param .u64 .ptr .align 1 k_param_3\n)\n"
      ".maxntid 32, 4, 1\n{\n\tst.global.u32 [%rd1], %r1;\n}\n"
      ".entry none()\n{\n}\n");
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->target(), "sm_80");
  ASSERT_EQ(object->kernels_size(), 2);
  const proto::KernelInfo& kernel = object->kernels(0);
  EXPECT_EQ(kernel.max_threads_per_block(), 128u);
  ASSERT_EQ(kernel.params_size(), 4);
  EXPECT_EQ(kernel.params(0).size(), 24u);
  EXPECT_EQ(kernel.params(1).offset(), 24u);
  EXPECT_EQ(kernel.params(2).offset(), 28u);
  EXPECT_EQ(kernel.params(3).offset(), 32u);
  EXPECT_EQ(kernel.args_size(), 40u);
  EXPECT_EQ(object->kernels(1).params_size(), 0);
  ASSERT_EQ(object->globals_size(), 1);
  EXPECT_EQ(object->globals(0).name(), "table");
  EXPECT_EQ(object->globals(0).size(), 16u);
}

TEST(CodeObjectTest, WhatIsNoneIsSaidToBeNone) {
  EXPECT_FALSE(ReadCodeObject("").ok());
  EXPECT_THAT(std::string(ReadCodeObject("some text").status().message()),
              HasSubstr("not a GPU's code object"));
  std::ifstream self("/proc/self/exe", std::ios::binary);
  const std::string program(std::istreambuf_iterator<char>(self), {});
  EXPECT_THAT(std::string(ReadCodeObject(program).status().message()), HasSubstr("machine 62"));
}

TEST(MsgPackTest, EveryKindOfValue) {
  const auto parse = [](absl::string_view bytes) { return ParseMsgPack(bytes); };
  EXPECT_EQ(parse("\x07")->number, 7u);
  EXPECT_EQ(parse("\xcd\x01\x02")->number, 0x102u);
  EXPECT_EQ(parse("\xcf\x01\x02\x03\x04\x05\x06\x07\x08")->number, 0x102030405060708u);
  EXPECT_EQ(parse("\xff")->kind, MsgPack::Kind::kNegative);
  EXPECT_EQ(static_cast<std::int64_t>(parse("\xd1\xff\xfe")->number), -2);
  EXPECT_EQ(parse("\xd1\x7f\xfe")->number, 0x7ffeu);
  EXPECT_EQ(parse("\xca\x3f\x80" + std::string(2, '\0'))->real, 1.0);
  EXPECT_EQ(parse("\xa3"
                  "abc")
                ->text,
            "abc");
  EXPECT_EQ(parse("\xc3")->number, 1u);
  EXPECT_EQ(parse("\xc0")->kind, MsgPack::Kind::kNil);
  const std::string map = "\x82\xa1kA\x01\xa2xy\x92\x02\x03";
  EXPECT_FALSE(parse(map).ok()) << "a key and no value";
  const absl::StatusOr<MsgPack> good = parse("\x83\xa1k\x05\x07\xa1z\xa2xy\x92\x02\x03");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->Unsigned("k"), 5u);
  EXPECT_EQ(good->Unsigned("xy"), std::nullopt);
  ASSERT_NE(good->Find("xy"), nullptr);
  EXPECT_EQ(good->Find("xy")->elements.size(), 2u);
  EXPECT_EQ(good->Find("z"), nullptr) << "the value of a key that is no text";
}

TEST(MsgPackTest, NonsenseIsRefused) {
  for (const std::string& bytes :
       {std::string(), std::string("\xc1"), std::string("\xd9\xff"),
        std::string("\xdd\xff\xff\xff\xff"), std::string("\xdf\xff\xff\xff\xff"),
        std::string("\x01\x02"), std::string("\xc7\x01\x01x"), std::string(1000, '\x91')}) {
    EXPECT_FALSE(ParseMsgPack(bytes).ok());
  }
}

}  // namespace
}  // namespace amdgpu::code_object
