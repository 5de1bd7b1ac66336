// Arguments against signatures: what is accepted, how it is laid out, and what the refusals say.

#include "c_src/runtime/arguments.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "c_src/runtime/float_formats.h"
#include "tests/c_src/runtime/device_fixture.h"

namespace amdgpu::testing {
namespace {

gpu::KernelInfo InfoOf(proto::DType dtype) {
  gpu::KernelInfo info;
  info.set_name("kernel");
  info.set_args_size(8);
  proto::Param* param = info.add_params();
  param->set_name("value");
  param->set_kind(proto::PARAM_SCALAR);
  param->set_dtype(dtype);
  param->set_size(static_cast<std::uint32_t>(DTypeBytes(dtype)));
  return info;
}

absl::StatusOr<gpu::DeviceAddress> NoBuffers(std::size_t, const Parameter&, const BufferRef&) {
  return absl::InternalError("no buffers here");
}

// Packs one scalar; its bytes as a number.
absl::StatusOr<std::uint64_t> Pack(proto::DType dtype, Argument argument) {
  const gpu::KernelInfo info = InfoOf(dtype);
  const absl::StatusOr<Signature> signature = Signature::Create(info, 4096);
  if (!signature.ok()) return signature.status();
  std::uint64_t block = 0;
  absl::Status status =
      signature->Pack({&argument, 1}, reinterpret_cast<std::byte*>(&block), NoBuffers);
  if (!status.ok()) return status;
  return block;
}

bool Accepts(proto::DType dtype, Argument argument) { return Pack(dtype, argument).ok(); }

TEST(Arguments, IntegersMustFit) {
  EXPECT_EQ(*Pack(proto::DTYPE_I8, std::int64_t{-128}), 0x80u);
  EXPECT_FALSE(Accepts(proto::DTYPE_I8, std::int64_t{128}));
  EXPECT_TRUE(Accepts(proto::DTYPE_U8, std::int64_t{255}));
  EXPECT_FALSE(Accepts(proto::DTYPE_U8, std::int64_t{-1}));
  EXPECT_EQ(*Pack(proto::DTYPE_I16, std::int64_t{-2}), 0xfffeu);
  EXPECT_FALSE(Accepts(proto::DTYPE_U16, std::int64_t{65536}));
  EXPECT_TRUE(Accepts(proto::DTYPE_I32, std::int64_t{std::numeric_limits<std::int32_t>::min()}));
  EXPECT_FALSE(Accepts(proto::DTYPE_I32, std::int64_t{1} << 31));
  EXPECT_TRUE(Accepts(proto::DTYPE_U32, std::int64_t{0xffffffff}));
  EXPECT_EQ(*Pack(proto::DTYPE_U64, ~std::uint64_t{0}), ~std::uint64_t{0});
  EXPECT_FALSE(Accepts(proto::DTYPE_I64, ~std::uint64_t{0}));
  EXPECT_FALSE(Accepts(proto::DTYPE_U64, std::int64_t{-1}));
  EXPECT_FALSE(Accepts(proto::DTYPE_I32, 1.0));
  EXPECT_FALSE(Accepts(proto::DTYPE_I32, true));
}

TEST(Arguments, FloatsTakeIntegersAndMustFit) {
  float single = 2.5f;
  std::uint32_t bits;
  std::memcpy(&bits, &single, sizeof(bits));
  EXPECT_EQ(*Pack(proto::DTYPE_F32, 2.5), bits);
  EXPECT_TRUE(Accepts(proto::DTYPE_F32, std::int64_t{7}));
  EXPECT_TRUE(Accepts(proto::DTYPE_F64, std::uint64_t{7}));
  EXPECT_FALSE(Accepts(proto::DTYPE_F32, 1e300));
  EXPECT_TRUE(Accepts(proto::DTYPE_F64, 1e300));
  EXPECT_FALSE(Accepts(proto::DTYPE_F16, 70000.0));
  EXPECT_EQ(*Pack(proto::DTYPE_F16, 1.5), 0x3e00u);
  EXPECT_EQ(*Pack(proto::DTYPE_BF16, 1.5), 0x3fc0u);
  EXPECT_TRUE(Accepts(proto::DTYPE_F32, std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(Accepts(proto::DTYPE_F32, true));
}

TEST(Arguments, HalvesAreRoundedAsTheHardwareDoes) {
  // All finite halves survive the way to float and back; neighbours round to nearest even.
  for (std::uint32_t half = 0; half < 0x7c00; ++half) {
    const std::uint32_t exponent = half >> 10;
    const float mantissa = static_cast<float>(half & 0x3ff);
    const float value = exponent == 0
                            ? std::ldexp(mantissa, -24)
                            : std::ldexp(1024 + mantissa, static_cast<int>(exponent) - 25);
    ASSERT_EQ(ToHalf(value), half) << value;
    ASSERT_EQ(ToHalf(-value), half | 0x8000u) << value;
    ASSERT_EQ(ToHalf(std::nextafter(value, 1e9f)), half) << value;
  }
  EXPECT_EQ(ToHalf(65519.0f), 0x7bffu);
  EXPECT_EQ(ToHalf(65520.0f), 0x7c00u);
  EXPECT_EQ(ToHalf(2049.0f), ToHalf(2048.0f));  // a tie goes to even
  EXPECT_EQ(ToHalf(2051.0f), ToHalf(2052.0f));
  EXPECT_EQ(ToHalf(NAN) & 0x7c00u, 0x7c00u);
  EXPECT_NE(ToHalf(NAN) & 0x3ffu, 0u);
}

TEST(Arguments, WhatIsKnownByItsSizeTakesWhatIsGiven) {
  const auto pack = [](std::uint32_t size, Argument argument) -> absl::StatusOr<std::uint64_t> {
    gpu::KernelInfo info = InfoOf(proto::DTYPE_I64);
    info.mutable_params(0)->set_kind(proto::PARAM_OPAQUE);
    info.mutable_params(0)->set_dtype(proto::DTYPE_NONE);
    info.mutable_params(0)->set_size(size);
    const absl::StatusOr<Signature> signature = Signature::Create(info, 4096);
    if (!signature.ok()) return signature.status();
    std::uint64_t block = 0;
    absl::Status status =
        signature->Pack({&argument, 1}, reinterpret_cast<std::byte*>(&block), NoBuffers);
    if (!status.ok()) return status;
    return block;
  };
  EXPECT_EQ(*pack(4, 1.5), 0x3fc00000u);
  EXPECT_EQ(*pack(8, 1.5), 0x3ff8000000000000u);
  EXPECT_EQ(*pack(4, std::int64_t{-1}), 0xffffffffu);
  EXPECT_EQ(*pack(4, std::int64_t{0xffffffff}), 0xffffffffu);
  EXPECT_EQ(*pack(8, std::int64_t{-1}), ~std::uint64_t{0});
  EXPECT_EQ(*pack(8, ~std::uint64_t{0}), ~std::uint64_t{0});
  EXPECT_EQ(*pack(2, std::int64_t{65535}), 65535u);
  EXPECT_EQ(*pack(1, true), 1u);
  const std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  EXPECT_EQ(*pack(3, absl::MakeConstSpan(bytes)), 0x030201u);
  EXPECT_FALSE(pack(4, absl::MakeConstSpan(bytes)).ok());
  EXPECT_FALSE(pack(4, std::int64_t{1} << 32).ok());
  EXPECT_FALSE(pack(4, 1e300).ok());
  EXPECT_FALSE(pack(2, 1.0).ok());
  EXPECT_FALSE(pack(3, std::int64_t{1}).ok());
  EXPECT_FALSE(pack(8, BufferRef()).ok());
  EXPECT_FALSE(pack(4, BufferRef()).ok());
  EXPECT_TRUE(absl::StrContains(pack(8, true).status().message(), "a buffer, an integer, a float"));
}

TEST(Arguments, RefusalsSayWhichAndWhy) {
  const absl::Status status = Pack(proto::DTYPE_I32, std::int64_t{1} << 40).status();
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value() && detail->has_launch());
  EXPECT_EQ(detail->launch().kernel(), "kernel");
  EXPECT_EQ(detail->launch().argument(), 0);
  EXPECT_EQ(detail->launch().name(), "value");
  EXPECT_TRUE(absl::StrContains(detail->launch().expected(), "-2147483648 to 2147483647"));
  EXPECT_TRUE(absl::StrContains(detail->launch().got(), "1099511627776"));
}

TEST(Arguments, MalformedSignaturesAreRefused) {
  gpu::KernelInfo info = InfoOf(proto::DTYPE_I32);
  info.mutable_params(0)->set_offset(6);
  EXPECT_FALSE(Signature::Create(info, 4096).ok());
  info = InfoOf(proto::DTYPE_I32);
  info.mutable_params(0)->set_size(8);
  EXPECT_FALSE(Signature::Create(info, 4096).ok());
  info = InfoOf(proto::DTYPE_I32);
  info.set_args_size(5000);
  EXPECT_FALSE(Signature::Create(info, 4096).ok());
}

class LaunchArguments : public DeviceTest {
 protected:
  proto::LaunchErrorDetail Refusal(const std::string& kernel, std::vector<Argument> arguments,
                                   LaunchOptions options = {}) {
    const absl::Status status = Run(kernel, std::move(arguments), options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    EXPECT_TRUE(detail.has_value() && detail->has_launch()) << status;
    return detail.has_value() ? detail->launch() : proto::LaunchErrorDetail();
  }
};

TEST_F(LaunchArguments, BuffersMustBeLiveOfThisDeviceAndOfTheirType) {
  const BufferRef ints = NewInts(4);
  EXPECT_EQ(Refusal("add_one", {ints}).argument(), -1);
  EXPECT_EQ(Refusal("add_one", {std::int64_t{0}, std::int64_t{4}}).argument(), 0);
  EXPECT_EQ(Refusal("add_one", {BufferRef(), std::int64_t{4}}).got(), "no buffer");
  const BufferRef floats = *device_->Allocate(proto::DTYPE_F32, 4, 0, 0);
  const proto::LaunchErrorDetail wrong = Refusal("add_one", {floats, std::int64_t{4}});
  EXPECT_EQ(wrong.expected(), "a buffer of i32");
  EXPECT_EQ(wrong.got(), "a buffer of f32");
  EXPECT_TRUE(Run("write_at", {floats, std::int64_t{0}}).ok());  // takes any
  ASSERT_TRUE(device_->Free(ints).ok());
  EXPECT_EQ(Refusal("add_one", {ints, std::int64_t{4}}).got(), "a buffer that was freed");

  DeviceRef first = std::exchange(device_, nullptr);
  Open({});
  const BufferRef foreign = NewInts(4);
  std::swap(device_, first);
  EXPECT_EQ(Refusal("add_one", {foreign, std::int64_t{4}}).got(), "a buffer of another device");
  first->Close();
}

TEST_F(LaunchArguments, AggregatesAreExactAndBooleansBoolean) {
  std::vector<std::byte> vector(12);
  const absl::Span<const std::byte> bytes(vector);
  EXPECT_TRUE(Run("typed", {std::int64_t{1}, 1.0, 1.0, true, bytes}).ok());
  EXPECT_EQ(Refusal("typed", {std::int64_t{1}, 1.0, 1.0, true, bytes.subspan(1)}).got(),
            "a binary of 11 bytes");
  EXPECT_EQ(Refusal("typed", {std::int64_t{1}, 1.0, 1.0, std::int64_t{1}, bytes}).argument(), 3);
  EXPECT_EQ(Refusal("typed", {std::int64_t{256}, 1.0, 1.0, true, bytes}).name(), "small");
}

TEST_F(LaunchArguments, ShapesMustBePossible) {
  const auto refused = [this](gpu::Dim3 grid, gpu::Dim3 block, std::uint32_t shared = 0) {
    LaunchOptions options;
    options.grid = grid;
    options.block = block;
    options.dynamic_shared_bytes = shared;
    return Refusal("empty", {}, options).expected();
  };
  EXPECT_EQ(refused({1, 1, 1}, {2000, 1, 1}), "block.x from 1 to 1024");
  EXPECT_EQ(refused({0, 1, 1}, {1, 1, 1}), "grid.x from 1 to 1073741824");
  EXPECT_EQ(refused({1, 1, 1}, {64, 64, 1}), "at most 1024 threads in a block");
  EXPECT_EQ(refused({1, 1, 1}, {1, 1, 0}), "block.z from 1 to 1024");
  EXPECT_EQ(refused({1 << 30, 1, 1}, {1024, 1, 1}),
            "fewer than 2147483648 threads (grid * block) in x");
  EXPECT_EQ(refused({1, 1, 1}, {1, 1, 1}, 100'000), "at most 65536 bytes of shared memory");
  LaunchOptions options;
  options.stream = 77;
  EXPECT_FALSE(Run("empty", {}, options).ok());
}

}  // namespace
}  // namespace amdgpu::testing
