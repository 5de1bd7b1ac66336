// The contract suite: code objects, their kernels and variables.

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>

#include <random>
#include <utility>

#include "tests/gpu/driver_contract.h"

namespace amdgpu::gpu {
namespace {

using absl::StatusCode;

TEST_P(DriverContract, LoadGivesSignatures) {
  ASSERT_NE(module().handle, 0u);
  for (const Function& function : module().functions) {
    if (function.info.name() != "add") continue;
    ASSERT_EQ(function.info.params_size(), 4);
    EXPECT_EQ(function.info.params(0).kind(), proto::PARAM_POINTER);
    EXPECT_EQ(function.info.params(0).dtype(), proto::DTYPE_F32);
    EXPECT_TRUE(function.info.params(0).read_only());
    EXPECT_FALSE(function.info.params(2).read_only());
    EXPECT_EQ(function.info.params(3).dtype(), proto::DTYPE_U32);
    EXPECT_EQ(function.info.params(3).offset(), 24u);
    return;
  }
  FAIL() << "no kernel add";
}

TEST_P(DriverContract, BytesThatAreNoCodeObjectAreRefused) {
  const std::string good = under_test_->ContractKernels();
  EXPECT_EQ(CodeOf(driver().Load({}, 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Load(Bytes("not a code object"), 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Load(Bytes(std::string(10000, '\0')), 0)),
            StatusCode::kInvalidArgument);
  int whole = 0;
  for (std::size_t length = 1; length < good.size(); length += 1 + length / 16) {
    const std::string truncated = good.substr(0, length);
    const absl::StatusOr<Module> loaded = driver().Load(Bytes(truncated), 0);
    // Cut just where a kernel's entry ends, it is a code object with fewer of them.
    if (loaded.ok()) {
      ++whole;
      EXPECT_LE(loaded->functions.size(), module().functions.size());
    }
  }
  EXPECT_LE(whole, 3);
}

TEST_P(DriverContract, DamagedCodeObjectsNeverHurtTheDriver) {
  const std::string good = under_test_->ContractKernels();
  const google::protobuf::LogSilencer silence;  // it reports names that are not UTF-8
  std::mt19937 random(7);
  int loaded = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = good;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      char& byte = damaged[random() % damaged.size()];
      byte = random() % 2 == 0 ? static_cast<char>(byte ^ (1 << (random() % 8)))
                               : static_cast<char>(random());
    }
    if (random() % 16 == 0) damaged.resize(random() % damaged.size());
    absl::StatusOr<Module> module = driver().Load(Bytes(damaged), 0);
    if (!module.ok()) continue;
    ++loaded;  // the damage was in code or data: nothing a loader could see
    EXPECT_TRUE(driver().Unload(module->handle).ok());
  }
  RecordProperty("loaded", loaded);
  EXPECT_TRUE(driver().Load(Bytes(good), 0).ok());
}

TEST_P(DriverContract, ModulesComeAndGo) {
  const std::string object = under_test_->ContractKernels();
  FunctionHandle previous = 0;
  for (int i = 0; i < 200; ++i) {
    absl::StatusOr<Module> module = driver().Load(Bytes(object), 0);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_GT(module->functions.front().handle, previous);
    previous = module->functions.front().handle;
    ASSERT_TRUE(driver().Unload(module->handle).ok());
    EXPECT_EQ(CodeOf(driver().Unload(module->handle)), StatusCode::kNotFound);
  }
  EXPECT_EQ(
      CodeOf(driver().Launch(
          0, NextTicket(),
          {.function = previous, .grid = {}, .block = {}, .dynamic_shared_bytes = 0, .args = {}})),
      StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Load(Bytes(object), 123456)), StatusCode::kNotFound);
}

TEST_P(DriverContract, GlobalsCanBeFoundReadAndWritten) {
  const absl::StatusOr<Global> table = driver().FindGlobal(module().handle, "table");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->bytes, 16u);
  EXPECT_EQ(CodeOf(driver().FindGlobal(module().handle, "nothing")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().FindGlobal(99999, "table")), StatusCode::kNotFound);
  const std::int32_t values[4] = {1, 2, 3, 4};
  Write(table->address, values, sizeof(values));
  const DeviceAddress out = Allocate(20);
  sink_.WaitFor(Launch(0, "read_globals", {1}, {1}, out));
  std::uint32_t read[5];
  Read(read, out, sizeof(read));
  EXPECT_THAT(read, testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST_P(DriverContract, VariantsShareGlobals) {
  if (!driver().properties().shape_specialised()) {
    GTEST_SKIP() << "code for this device is not specialised on block shapes";
  }
  const std::string object = under_test_->ContractKernels();
  absl::StatusOr<Module> variant = driver().Load(Bytes(object), module().handle);
  ASSERT_TRUE(variant.ok()) << variant.status();
  EXPECT_EQ(CodeOf(driver().Unload(module().handle)), StatusCode::kFailedPrecondition);
  EXPECT_EQ(driver().FindGlobal(variant->handle, "counter")->address,
            driver().FindGlobal(module().handle, "counter")->address);
  const auto bump = [&](const Module& in) {
    for (const Function& function : in.functions) {
      if (function.info.name() != "bump") continue;
      const Ticket ticket = NextTicket();
      EXPECT_TRUE(driver()
                      .Launch(0, ticket,
                              {.function = function.handle,
                               .grid = {2},
                               .block = {16},
                               .dynamic_shared_bytes = 0,
                               .args = {}})
                      .ok());
      sink_.WaitFor(ticket);
    }
  };
  bump(module());
  bump(*variant);
  bump(*variant);
  const absl::StatusOr<Global> counter = driver().FindGlobal(module().handle, "counter");
  EXPECT_EQ(ReadWord(counter->address), 3u * 32);
  EXPECT_TRUE(driver().Unload(variant->handle).ok());
  // A module of its own has its own.
  absl::StatusOr<Module> other = driver().Load(Bytes(object), 0);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(ReadWord(driver().FindGlobal(other->handle, "counter")->address), 0u);
}

}  // namespace
}  // namespace amdgpu::gpu
