// Unit: bundle files, whole and damaged, and which code of one a device takes.

#include "c_src/kernel/bundle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gpu/host/abi.h"
#include "gpu/host/cpu_features.h"
#include "proto/code_object.pb.h"

namespace amdgpu {
namespace {

std::string HostCode(const std::vector<std::string>& features,
                     std::uint32_t abi = host::kAbiVersion) {
  proto::HostCodeObject code;
  code.set_abi_version(abi);
  code.set_target_cpu("somecpu");
  for (const std::string& feature : features) code.add_target_features(feature);
  return code.SerializeAsString();
}

proto::Bundle BundleFor(const std::vector<std::string>& targets) {
  proto::Bundle bundle;
  bundle.mutable_request()->set_source("source");
  bundle.set_has_source(true);
  for (const std::string& target : targets) {
    proto::BundleEntry& entry = *bundle.add_entries();
    entry.set_target(target);
    entry.set_code_object(target == "host" ? HostCode({}) : "code for " + target);
  }
  return bundle;
}

// What a GPU takes of code for these targets; empty: none.
std::string Chosen(const std::vector<std::string>& targets, const std::string& arch) {
  const auto select = [&](const std::vector<std::string>& order) -> std::string {
    const proto::Bundle bundle = BundleFor(order);
    const proto::BundleEntry* entry = SelectEntry(bundle, {.host = false, .arch = arch});
    return entry == nullptr ? "" : entry->target();
  };
  const std::string chosen = select(targets);
  EXPECT_EQ(select({targets.rbegin(), targets.rend()}), chosen) << "the order must not matter";
  return chosen;
}

TEST(BundleTest, SurvivesTheTripThroughAFile) {
  const proto::Bundle bundle = BundleFor({"host", "gfx90a", "sm_90"});
  const auto bytes = EncodeBundle(bundle);
  ASSERT_TRUE(bytes.ok());
  const auto read = DecodeBundle(*bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), bundle.SerializeAsString());
}

TEST(BundleTest, EveryChangedByteIsNoticed) {
  const std::string bytes = *EncodeBundle(BundleFor({"gfx90a", "host"}));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ 1 << bit);
      EXPECT_FALSE(DecodeBundle(damaged).ok()) << "byte " << i << ", bit " << bit;
    }
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeBundle(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeBundle(bytes + "x").status()));
}

TEST(BundleTest, ForeignFilesAreSaidToBeNoBundles) {
  for (const char* text : {"", "AMDGPU",
                           "\x7f"
                           "ELF with more behind it",
                           "AMDGPUCO and the rest"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeBundle(text).status())) << text;
  }
  std::string later = *EncodeBundle(BundleFor({"host"}));
  later[8] = 2;
  EXPECT_TRUE(absl::IsFailedPrecondition(DecodeBundle(later).status()));
}

TEST(BundleTest, ATargetIsThereOnce) {
  EXPECT_FALSE(EncodeBundle(BundleFor({"gfx90a", "gfx90a"})).ok());
  EXPECT_FALSE(EncodeBundle(BundleFor({""})).ok());
  EXPECT_TRUE(EncodeBundle(BundleFor({})).ok());
}

TEST(BundleTest, AmdCodeForTheProcessorAndItsFeatures) {
  const std::string device = "gfx90a:sramecc+:xnack-";
  EXPECT_EQ(Chosen({"gfx908", "gfx90a"}, device), "gfx90a");
  EXPECT_EQ(Chosen({"gfx90a", "gfx90a:xnack-"}, device), "gfx90a:xnack-");
  EXPECT_EQ(Chosen({"gfx90a:xnack-", "gfx90a:sramecc+:xnack-"}, device), "gfx90a:sramecc+:xnack-");
  EXPECT_EQ(Chosen({"gfx90a", "gfx90a:xnack+"}, device), "gfx90a");
  EXPECT_EQ(Chosen({"gfx90a:xnack+"}, device), "");
  EXPECT_EQ(Chosen({"gfx90a:xnack-"}, "gfx90a"), "") << "the device does not say";
  EXPECT_EQ(Chosen({"gfx90", "gfx90ab", "sm_90", "host"}, device), "");
}

TEST(BundleTest, AmdCodeForAGenericProcessorComesSecond) {
  EXPECT_EQ(Chosen({"gfx11-generic"}, "gfx1101"), "gfx11-generic");
  EXPECT_EQ(Chosen({"gfx11-generic", "gfx1101"}, "gfx1101"), "gfx1101");
  EXPECT_EQ(Chosen({"gfx9-generic:xnack-"}, "gfx906:sramecc+:xnack-"), "gfx9-generic:xnack-");
  EXPECT_EQ(Chosen({"gfx9-generic"}, "gfx90a:sramecc+:xnack-"), "") << "not one of gfx9-generic";
  EXPECT_EQ(Chosen({"gfx9-4-generic"}, "gfx942:sramecc+:xnack-"), "gfx9-4-generic");
  EXPECT_EQ(Chosen({"gfx10-3-generic"}, "gfx1030"), "gfx10-3-generic");
}

TEST(BundleTest, NvidiaCodeOfTheMajorVersionThenPtx) {
  EXPECT_EQ(Chosen({"sm_80", "sm_86", "sm_89", "sm_90"}, "sm_89"), "sm_89");
  EXPECT_EQ(Chosen({"sm_80", "sm_86", "compute_89"}, "sm_89"), "sm_86");
  EXPECT_EQ(Chosen({"sm_86", "compute_80"}, "sm_80"), "compute_80") << "a later minor version";
  EXPECT_EQ(Chosen({"sm_86", "compute_75", "compute_80"}, "sm_90"), "compute_80");
  EXPECT_EQ(Chosen({"compute_90"}, "sm_89"), "");
  EXPECT_EQ(Chosen({"sm_90", "sm_90a"}, "sm_90"), "sm_90a");
  EXPECT_EQ(Chosen({"sm_100a", "compute_90"}, "sm_103"), "compute_90");
  EXPECT_EQ(Chosen({"sm_", "compute_", "sm_x", "gfx90a"}, "sm_90"), "");
}

TEST(BundleTest, HostCodeWhereTheCpuHasWhatItUses) {
  const BundleDevice device = {.host = true, .arch = ""};
  proto::Bundle bundle = BundleFor({"gfx90a", "host"});
  proto::BundleEntry& entry = *bundle.mutable_entries(1);
  entry.set_code_object(HostCode(host::CpuFeatures()));
  EXPECT_EQ(SelectEntry(bundle, device), &entry);

  entry.set_code_object(HostCode({"sse2", "teleport"}));
  EXPECT_EQ(SelectEntry(bundle, device), nullptr);
  EXPECT_NE(WhyNone(bundle, device).find("somecpu, and this CPU lacks teleport"), std::string::npos)
      << WhyNone(bundle, device);

  entry.set_code_object(HostCode({}, host::kAbiVersion + 1));
  EXPECT_EQ(SelectEntry(bundle, device), nullptr);
  entry.set_code_object("\xff\xff");
  EXPECT_EQ(SelectEntry(bundle, device), nullptr);
  EXPECT_EQ(SelectEntry(bundle, {.host = false, .arch = "gfx90a"}), &bundle.entries(0));
}

TEST(BundleTest, CodeIsKnownByItsBytes) {
  const proto::Bundle bundle = BundleFor({"gfx90a", "gfx908"});
  const CodeObjectRef first = CodeOfEntry(bundle.entries(0));
  EXPECT_EQ(first->bytes, "code for gfx90a");
  EXPECT_EQ(first->key.size(), 64u);
  EXPECT_EQ(CodeOfEntry(bundle.entries(0))->key, first->key);
  EXPECT_NE(CodeOfEntry(bundle.entries(1))->key, first->key);
}

}  // namespace
}  // namespace amdgpu
