// The screen of `amdgpu top`, as text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "telemetry/cli/top_model.h"
#include "telemetry/cli/top_view.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::cli {
namespace {

using telemetry::kTickNs;
using telemetry::MakeFrame;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// What is seen of frames 1 to `last`.
Snapshot After(std::uint64_t last) {
  TopModel model;
  for (std::uint64_t n = 1; n <= last; ++n) model.Add(MakeFrame(n));
  return model.Take();
}

std::vector<std::string> Texts(const std::vector<Line>& lines) {
  std::vector<std::string> texts;
  for (const Line& line : lines) texts.push_back(line.text);
  return texts;
}

std::string LineWith(const std::vector<Line>& lines, const std::string& part) {
  for (const Line& line : lines) {
    if (line.text.find(part) != std::string::npos) return line.text;
  }
  return "";
}

ViewOptions Wide() {
  ViewOptions options;
  options.width = 120;
  options.height = 30;
  return options;
}

TEST(TopModel, RatesAreOfTheTimeSinceTheLastSnapshot) {
  TopModel model;
  EXPECT_TRUE(model.empty());
  for (std::uint64_t n = 1; n <= 60; ++n) model.Add(MakeFrame(n));
  (void)model.Take();
  for (std::uint64_t n = 61; n <= 120; ++n) model.Add(MakeFrame(n));
  const Snapshot snapshot = model.Take();
  EXPECT_NEAR(snapshot.frames_per_second, 60, 0.1);
  ASSERT_THAT(snapshot.kernels, SizeIs(2));
  const KernelRow& kernel = snapshot.kernels[0];
  EXPECT_EQ(kernel.name, "saxpy");
  EXPECT_NEAR(kernel.launches_per_second, 60, 0.1);
  EXPECT_NEAR(kernel.busy_ratio, 0.03, 0.001);
  EXPECT_NEAR(kernel.bytes_per_second, 60e6, 1e5);
  EXPECT_EQ(kernel.flops_per_second, 0);
  ASSERT_THAT(snapshot.owners, SizeIs(1));
  EXPECT_NEAR(snapshot.owners[0].launches_per_second, 120, 0.2);
  // Nothing new, nothing happened.
  EXPECT_EQ(model.Take().kernels[0].launches_per_second, 0);
}

TEST(TopModel, WhatWasBeforeWeLookedIsNoRate) {
  TopModel model;
  proto::Frame frame = MakeFrame(1);
  frame.mutable_kernels(0)->mutable_work()->set_launches_total(1'000'000);
  model.Add(frame);
  EXPECT_EQ(model.Take().kernels[0].launches_per_second, 0);
}

TEST(TopModel, AnotherRuntimeStartsAnew) {
  TopModel model;
  for (std::uint64_t n = 1; n <= 10; ++n) model.Add(MakeFrame(n));
  proto::Frame other = MakeFrame(1);
  other.mutable_runtime()->set_pid(77);
  other.clear_kernels();
  other.clear_owners();
  model.Add(other);
  const Snapshot snapshot = model.Take();
  EXPECT_THAT(snapshot.kernels, IsEmpty());
  EXPECT_THAT(snapshot.owners, IsEmpty());
}

TEST(TopView, ShowsDevicesKernelsAndOwners) {
  const std::vector<Line> lines = RenderTop(After(60), Wide());
  ASSERT_THAT(lines, SizeIs(30));
  for (const Line& line : lines) EXPECT_EQ(line.text.size(), 120u) << line.text;
  EXPECT_THAT(lines[0].text, AllOf(HasSubstr("bench pid 4242"), HasSubstr("60.0 frames/s")));
  EXPECT_THAT(LineWith(lines, "host:0"), HasSubstr("50 W"));
  EXPECT_THAT(LineWith(lines, "pool"),
              AllOf(HasSubstr("48 KiB used / 1 MiB reserved"), HasSubstr("1 slab,")));
  EXPECT_THAT(LineWith(lines, "saxpy"),
              AllOf(HasSubstr("aura"), HasSubstr("500 us"), HasSubstr("510 us"), HasSubstr("3%")));
  EXPECT_THAT(LineWith(lines, "scale<float>"), AllOf(HasSubstr("matrix"), HasSubstr("1.02 ms")));
  EXPECT_THAT(LineWith(lines, "<0.123.0>"),
              AllOf(HasSubstr("Elixir.Trainer"), HasSubstr("48 KiB"), HasSubstr("120")));
  EXPECT_THAT(lines.back().text, HasSubstr("q quit"));
}

TEST(TopView, SortsByEachKey) {
  Snapshot snapshot;
  snapshot.frame = MakeFrame(1);
  const auto add = [&](const char* name, double busy, double launches, std::uint64_t p99,
                       double bytes) {
    KernelRow row;
    row.name = name;
    row.busy_ratio = busy;
    row.launches_per_second = launches;
    row.p99_ns = p99;
    row.bytes_per_second = bytes;
    snapshot.kernels.push_back(row);
  };
  add("d", 0.9, 1, 1, 1);
  add("c", 0.1, 9, 2, 2);
  add("b", 0.2, 2, 9, 3);
  add("a", 0.3, 3, 3, 9);
  ViewOptions options = Wide();
  std::string first;
  for (int i = 0; i < 5; ++i) {
    const std::vector<Line> lines = RenderTop(snapshot, options);
    for (std::size_t row = 0; row < lines.size(); ++row) {
      if (lines[row].text.find("KERNEL (by ") == 0) first += lines[row + 1].text[0];
    }
    EXPECT_THAT(LineWith(lines, "KERNEL"), HasSubstr(SortName(options.sort)));
    options.sort = NextSort(options.sort);
  }
  EXPECT_EQ(first, "dcbaa");
  EXPECT_EQ(options.sort, SortKey::kBusy) << "the keys go round";
}

TEST(TopView, FitsAnyScreen) {
  const Snapshot snapshot = After(5);
  for (int height = 0; height < 12; ++height) {
    for (const int width : {1, 20, 79, 300}) {
      ViewOptions options;
      options.width = width;
      options.height = height;
      const std::vector<Line> lines = RenderTop(snapshot, options);
      EXPECT_LE(lines.size(), static_cast<std::size_t>(height));
      for (const Line& line : lines) {
        EXPECT_EQ(line.text.size(), static_cast<std::size_t>(width));
      }
    }
  }
}

TEST(TopView, SaysWhatIsWrong) {
  Snapshot snapshot;
  snapshot.frame.mutable_pipeline()->set_records_lost_total(12);
  EXPECT_THAT(Texts(RenderTop(snapshot, Wide())),
              ::testing::Contains(HasSubstr("no device is open")));
  EXPECT_THAT(LineWith(RenderTop(snapshot, Wide()), "records"), HasSubstr("records lost: 12"));
  proto::DeviceSample& device = *snapshot.frame.add_devices();
  EXPECT_THAT(LineWith(RenderTop(snapshot, Wide()), "no worker"), Not(IsEmpty()));
  device.mutable_worker()->set_pid(7);
  device.mutable_worker()->set_restarts(2);
  EXPECT_THAT(LineWith(RenderTop(snapshot, Wide()), "worker 7"), HasSubstr("restarted 2 times"));
}

TEST(TopView, NamesCannotDriveTheTerminal) {
  EXPECT_EQ(Fit("a\x1b[2Jb\n\x7f", 8), "a?[2Jb??");
  EXPECT_EQ(Fit("\xc2\x9b"
                "31m",
                4),
            "?31m")
      << "a C1 control, in UTF-8";
  EXPECT_EQ(Fit("\xc3\xbc\xe2\x82\xac", 3), "\xc3\xbc\xe2\x82\xac ") << "two columns and a space";
  EXPECT_EQ(Fit("\xc3\xbc\xc3\xbc", 1), "\xc3\xbc") << "never half a character";
  EXPECT_EQ(Fit("\xe2", 3).size(), 3u) << "what is no UTF-8 is no harm";
}

TEST(TopView, NumbersHaveThreeDigits) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.50 KiB");
  EXPECT_EQ(HumanBytes(24.0 * (1ull << 30)), "24 GiB");
  EXPECT_EQ(HumanTime(999), "999 ns");
  EXPECT_EQ(HumanTime(12'345), "12.3 us");
  EXPECT_EQ(HumanTime(999'990), "1.00 ms");
  EXPECT_EQ(HumanTime(90e9), "90 s");
  EXPECT_EQ(HumanNumber(0), "0");
  EXPECT_EQ(HumanNumber(1'250'000), "1.25 M");
}

}  // namespace
}  // namespace amdgpu::cli
