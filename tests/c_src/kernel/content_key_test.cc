// Unit: what makes two requests the same.

#include "c_src/kernel/content_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "c_src/base/build_id.h"
#include "c_src/base/utf8.h"
#include "c_src/kernel/sha256.h"
#include "c_src/kernel/target_identity.h"

namespace amdgpu {
namespace {

proto::CompileRequest Base() {
  proto::CompileRequest request;
  request.set_source("source");
  request.add_names("kernel");
  proto::Define& define = *request.add_defines();
  define.set_name("TILE");
  define.set_value("16");
  return request;
}

TEST(Sha256Test, KnownDigests) {
  Sha256 empty;
  EXPECT_EQ(ToHex(empty.Finish()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 parts;
  parts.Update("abcdbcdecdefdefgefgh");
  parts.Update("fghighijhijkijkljklmklmnlmnomnopnopq");
  EXPECT_EQ(ToHex(parts.Finish()),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(ContentKeyTest, EveryFieldThatChangesTheResultChangesTheKey) {
  using Change = std::function<void(proto::CompileRequest&)>;
  const std::vector<Change> changes = {
      [](auto&) {},
      [](auto& r) { r.set_source("source "); },
      [](auto& r) { r.set_file_name("other.hip"); },
      [](auto& r) { r.add_names("second"); },
      [](auto& r) { r.set_names(0, "kernel2"); },
      [](auto& r) { r.clear_names(); },
      [](auto& r) { r.mutable_defines(0)->set_value("32"); },
      [](auto& r) { r.mutable_defines(0)->set_name("TILE2"); },
      [](auto& r) { r.add_defines(); },
      [](auto& r) { r.set_target("gfx90a"); },
      [](auto& r) { r.set_std("c++20"); },
      [](auto& r) { r.set_strict_math(true); },
      [](auto& r) { r.set_signature_only(true); },
      [](auto& r) { r.set_optimization(1); },
      [](auto& r) { r.set_block_x(1); },
      [](auto& r) { r.set_block_y(1); },
      [](auto& r) { r.set_block_z(1); },
  };
  std::set<std::string> keys, fingerprints;
  for (const Change& change : changes) {
    proto::CompileRequest request = Base();
    change(request);
    keys.insert(ContentKey(request, "cpu"));
    fingerprints.insert(Fingerprint(request));
  }
  EXPECT_EQ(keys.size(), changes.size());
  EXPECT_EQ(fingerprints.size(), changes.size());
}

TEST(ContentKeyTest, TextsDoNotRunIntoEachOther) {
  proto::CompileRequest a, b;
  a.add_names("ab");
  a.add_names("c");
  b.add_names("a");
  b.add_names("bc");
  EXPECT_NE(Fingerprint(a), Fingerprint(b));
  proto::CompileRequest c, d;
  c.add_names("x");
  d.add_defines()->set_name("x");
  EXPECT_NE(Fingerprint(c), Fingerprint(d));
}

TEST(ContentKeyTest, LimitsAndWrittenOutDefaultsDoNotCount) {
  proto::CompileRequest request = Base();
  const std::string key = ContentKey(request, "cpu");
  request.set_timeout_ms(5);
  request.set_memory_bytes(6);
  request.set_output_bytes(7);
  request.set_build_id("whatever");
  request.set_target("host");
  request.set_std("c++17");
  request.set_file_name("kernel.hip");
  EXPECT_EQ(ContentKey(request, "cpu"), key);
  FillDefaults(request, 1000);
  EXPECT_EQ(ContentKey(request, "cpu"), key);
}

TEST(ContentKeyTest, WhatElseTheCodeDependsOnCounts) {
  proto::CompileRequest request = Base();
  EXPECT_NE(ContentKey(request, "cpu"), ContentKey(request, "other cpu"));
  request.set_target("gfx90a");
  EXPECT_NE(ContentKey(request, "hipRTC 9.0"), ContentKey(request, "hipRTC 9.1"));
  EXPECT_EQ(ContentKey(request, "hipRTC 9.0"), ContentKey(request, "hipRTC 9.0"));
}

TEST(ContentKeyTest, DefaultsFillOnlyWhatIsEmpty) {
  proto::CompileRequest request = Base();
  request.set_std("c++20");
  request.set_memory_bytes(123);
  FillDefaults(request, 1000);
  EXPECT_EQ(request.std(), "c++20");
  EXPECT_EQ(request.memory_bytes(), 123u);
  EXPECT_EQ(request.file_name(), "kernel.hip");
  EXPECT_EQ(request.target(), "host");
  EXPECT_EQ(request.timeout_ms(), 1000u);
  EXPECT_GT(request.output_bytes(), 0u);
  EXPECT_EQ(request.build_id(), BuildId());
}

TEST(TargetIdentityTest, IsStable) {
  EXPECT_EQ(HostTargetIdentity(), HostTargetIdentity());
  EXPECT_EQ(HostTargetIdentity().find("x86_64-"), 0u);
}

TEST(CheckRequestTest, NamesWhatIsNotText) {
  proto::CompileRequest request = Base();
  EXPECT_TRUE(CheckRequest(request).ok());
  request.set_source("fine // \xc3\xa9\nbad \xff\n");
  EXPECT_EQ(CheckRequest(request).message(), "the source is not valid UTF-8 (line 2)");
  request = Base();
  request.mutable_defines(0)->set_value("\xc0\x80");
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRequest(request)));
  request = Base();
  request.set_source(std::string(kMaxSourceBytes + 1, ' '));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckRequest(request)));
}

TEST(Utf8Test, AcceptsAndRefuses) {
  for (const std::string valid : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                  "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(ValidUtf8Prefix(valid), valid.size());
  }
  for (const std::string invalid :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(ValidUtf8Prefix("ok" + invalid), 2u);
  }
}

}  // namespace
}  // namespace amdgpu
