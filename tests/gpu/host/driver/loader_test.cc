// Objects become code: every kind of reference, what is refused and why, and that no page is both
// writable and executable.

#include "gpu/host/driver/loader.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "gpu/host/abi.h"
#include "gpu/host/cpu_features.h"
#include "gpu/host/driver/elf_object.h"
#include "gpu/host/driver/module.h"
#include "tests/gpu/host/driver/hand_made.h"

namespace amdgpu::host {
namespace {

using testing::HasSubstr;

absl::Span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

class LoaderTest : public testing::Test {
 protected:
  absl::StatusOr<LoadedObject> Load(const std::string& object, const SymbolMap& overrides = {}) {
    return LoadedObject::Load(Bytes(object), runtime_, overrides, *space_);
  }

  std::string Refusal(const std::string& name) {
    const absl::StatusOr<LoadedObject> loaded = Load(ReadObject(name));
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(loaded.status().message());
  }

  static void Run(const LoadedObject& object, const char* kernel, void* pointer) {
    const LoadedSymbol* symbol = object.Find(std::string(kBlockFunctionPrefix) + kernel);
    ASSERT_NE(symbol, nullptr);
    EXPECT_TRUE(symbol->executable);
    const BlockRange range = {};
    reinterpret_cast<BlockFunction>(symbol->address)(&pointer, &range);
  }

  const RuntimeTable runtime_ = *RuntimeTable::Resolve();
  const std::unique_ptr<CodeSpace> space_ = *CodeSpace::Reserve();
};

TEST_F(LoaderTest, EveryKindOfReferenceWorks) {
  const absl::StatusOr<LoadedObject> object = Load(ReadObject("linked_kernels"));
  ASSERT_TRUE(object.ok()) << object.status();
  double out[10] = {};
  Run(*object, "everything", out);
  EXPECT_EQ(out[0], 11);
  EXPECT_EQ(out[1], 20);
  EXPECT_EQ(out[2], std::pow(10, 2.5));
  EXPECT_EQ(out[3], 21);
  EXPECT_EQ(out[4], static_cast<double>(std::sin(11.0f)));
  EXPECT_EQ(out[5], 7);
  EXPECT_EQ(out[6], 5);
  EXPECT_EQ(out[7], 20);
  EXPECT_EQ(out[8], 0);
  EXPECT_EQ(out[9], 3);
  Run(*object, "everything", out);
  EXPECT_EQ(out[5], 8);
  EXPECT_EQ(out[6], 10);
}

TEST_F(LoaderTest, VectorMathIsBound) {
  const absl::StatusOr<LoadedObject> object = Load(ReadObject("linked_kernels"));
  ASSERT_TRUE(object.ok()) << object.status();
  const float values[4] = {-3, 0, 0.5f, 80};
  float out[4];
  std::memcpy(out, values, sizeof(out));
  Run(*object, "vector_math", out);
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(out[i] / std::exp(values[i]), 1, 1e-6);
}

TEST_F(LoaderTest, SymbolsSayWhatTheyAre) {
  const absl::StatusOr<LoadedObject> object = Load(ReadObject("linked_kernels"));
  ASSERT_TRUE(object.ok()) << object.status();
  ASSERT_NE(object->Find("initialised"), nullptr);
  EXPECT_TRUE(object->Find("initialised")->writable);
  EXPECT_EQ(object->Find("zeroed")->bytes, 4000u);
  EXPECT_FALSE(object->Find("constants")->writable);
  EXPECT_FALSE(object->Find("constants")->executable);
  EXPECT_EQ(object->Find("sinf"), nullptr);
  EXPECT_EQ(object->Find("nothing"), nullptr);
}

TEST_F(LoaderTest, OverridesReplaceDefinitions) {
  const absl::StatusOr<LoadedObject> base = Load(ReadObject("linked_kernels"));
  ASSERT_TRUE(base.ok());
  const SymbolMap overrides = {{"initialised", *base->Find("initialised")}};
  const absl::StatusOr<LoadedObject> variant = Load(ReadObject("linked_kernels"), overrides);
  ASSERT_TRUE(variant.ok()) << variant.status();
  double out[10] = {};
  Run(*base, "everything", out);
  EXPECT_EQ(out[5], 7);
  Run(*variant, "everything", out);
  EXPECT_EQ(out[5], 8);  // shared
  EXPECT_EQ(out[6], 5);  // not shared

  LoadedSymbol other_size = *base->Find("initialised");
  other_size.bytes = 8;
  EXPECT_FALSE(Load(ReadObject("linked_kernels"), {{"initialised", other_size}}).ok());
}

TEST_F(LoaderTest, RefusalsSayWhy) {
  EXPECT_THAT(Refusal("unknown_function"), HasSubstr("open"));
  EXPECT_THAT(Refusal("thread_local"), HasSubstr("thread-local"));
  EXPECT_THAT(Refusal("initialiser"), HasSubstr("constant initialisers"));
  EXPECT_THAT(Refusal("absolute"), HasSubstr("out of range"));
}

TEST_F(LoaderTest, NoPageIsWritableAndExecutable) {
  const absl::StatusOr<LoadedObject> object = Load(ReadObject("linked_kernels"));
  ASSERT_TRUE(object.ok());
  const std::uint64_t code = object->Find("__hdk_everything")->address;
  const std::uint64_t data = object->Find("initialised")->address;
  const std::uint64_t constant = object->Find("constants")->address;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  int seen = 0;
  while (std::getline(maps, line)) {
    unsigned long begin = 0;
    unsigned long end = 0;
    char protection[5] = {};
    ASSERT_EQ(sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, protection), 3);
    const auto holds = [&](std::uint64_t address) { return begin <= address && address < end; };
    if (holds(code)) {
      EXPECT_STREQ(protection, "r-xp");
    } else if (holds(data)) {
      EXPECT_STREQ(protection, "rw-p");
    } else if (holds(constant)) {
      EXPECT_STREQ(protection, "r--p");
    } else {
      continue;
    }
    ++seen;
  }
  EXPECT_EQ(seen, 3);
}

TEST_F(LoaderTest, TheSpaceIsReused) {
  std::uint64_t first = 0;
  for (int i = 0; i < 1000; ++i) {
    const absl::StatusOr<LoadedObject> object = Load(ReadObject("linked_kernels"));
    ASSERT_TRUE(object.ok()) << object.status();
    const std::uint64_t address = object->Find("__hdk_everything")->address;
    if (i == 0) first = address;
    EXPECT_EQ(address, first);
  }
}

TEST_F(LoaderTest, TheSpaceEndsWithAnError) {
  const absl::StatusOr<std::byte*> large = space_->Take(std::size_t{1} << 30);
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(space_->Take(std::size_t{1} << 30).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(space_->Take(std::size_t{1} << 40).status().code(),
            absl::StatusCode::kResourceExhausted);
  space_->Return(*large, std::size_t{1} << 30);
  EXPECT_TRUE(space_->Take(std::size_t{1} << 30).ok());
}

TEST_F(LoaderTest, DamagedObjectsAreRefusedOrHarmless) {
  std::mt19937 random(3);
  for (const char* name : {"linked_kernels", "contract_kernels"}) {
    const std::string good = ReadObject(name);
    for (std::size_t length = 0; length < good.size(); length += 1 + length / 64) {
      (void)Load(good.substr(0, length));
    }
    for (int round = 0; round < 20000; ++round) {
      std::string damaged = good;
      const int changes = 1 + static_cast<int>(random() % 3);
      for (int i = 0; i < changes; ++i) {
        // Headers, tables and names are where it matters: the first and the last part of the file.
        const std::size_t where = random() % 4 == 0 ? random() % 64 : random() % damaged.size();
        static constexpr unsigned char kNasty[] = {0, 1, 0x7f, 0x80, 0xff};
        damaged[where] = static_cast<char>(random() % 2 == 0 ? kNasty[random() % 5] : random());
      }
      (void)Load(damaged);
    }
  }
}

class ModuleTest : public LoaderTest {
 protected:
  absl::Status Load(const proto::HostCodeObject& object) {
    return HostModule::Load(Bytes(object.SerializeAsString()), nullptr, runtime_, *space_).status();
  }
};

TEST_F(ModuleTest, OnlyThisVersionOfTheInterface) {
  proto::HostCodeObject object = ContractKernels();
  EXPECT_TRUE(Load(object).ok());
  object.set_abi_version(kAbiVersion + 1);
  EXPECT_THAT(std::string(Load(object).message()), HasSubstr("version"));
}

TEST_F(ModuleTest, OnlyCodeThatThisProcessorRuns) {
  proto::HostCodeObject object = ContractKernels();
  for (const std::string& feature : CpuFeatures()) object.add_target_features(feature);
  EXPECT_TRUE(Load(object).ok());
  object.set_target_cpu("nextyear");
  object.add_target_features("avx2048");
  EXPECT_THAT(std::string(Load(object).message()),
              HasSubstr("compiled for nextyear, this processor lacks avx2048"));
}

TEST_F(ModuleTest, SignaturesAreChecked) {
  const auto damaged = [](auto change) {
    proto::HostCodeObject object = ContractKernels();
    change(object);
    return object;
  };
  const auto kernel = [](proto::HostCodeObject& object) { return object.mutable_kernels(1); };
  using Object = proto::HostCodeObject;
  EXPECT_FALSE(Load(damaged([&](Object& o) { kernel(o)->set_symbol("nothing"); })).ok());
  EXPECT_FALSE(Load(damaged([&](Object& o) { kernel(o)->set_args_size(1 << 20); })).ok());
  EXPECT_FALSE(Load(damaged([&](Object& o) { kernel(o)->set_args_size(8); })).ok());
  EXPECT_FALSE(Load(damaged([&](Object& o) { kernel(o)->set_static_shared_bytes(1 << 20); })).ok());
  EXPECT_FALSE(Load(damaged([&](Object& o) { kernel(o)->mutable_params(1)->set_offset(9); })).ok());
  EXPECT_FALSE(
      Load(damaged([&](Object& o) { kernel(o)->mutable_params(0)->set_alignment(0); })).ok());
  EXPECT_FALSE(
      Load(damaged([&](Object& o) { kernel(o)->mutable_params(3)->set_size(0xffffffff); })).ok());
  EXPECT_FALSE(Load(damaged([&](Object& o) { o.mutable_globals(0)->set_size(8); })).ok());
  EXPECT_FALSE(
      Load(damaged([&](Object& o) { o.mutable_globals(0)->set_symbol("__hdk_add"); })).ok());
}

TEST_F(ModuleTest, AVariableWithoutStorageIsNotThere) {
  proto::HostCodeObject object = ContractKernels();
  object.mutable_globals(0)->set_symbol("optimised_away");
  const auto module =
      HostModule::Load(Bytes(object.SerializeAsString()), nullptr, runtime_, *space_);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ((*module)->FindGlobal("counter").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE((*module)->FindGlobal("table").ok());
}

TEST_F(ModuleTest, HistoryRisesAtOnceAndFallsSlowly) {
  Kernel kernel;
  kernel.Learn(10);
  EXPECT_EQ(kernel.thread_ns, 10);
  kernel.Learn(100);
  EXPECT_EQ(kernel.thread_ns, 100);
  kernel.Learn(20);
  EXPECT_EQ(kernel.thread_ns, 90);
  kernel.Learn(0);
  EXPECT_GT(kernel.thread_ns, 0);
}

}  // namespace
}  // namespace amdgpu::host
