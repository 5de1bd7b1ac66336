// Recordings as if they were live.

#include "telemetry/recorder/replayer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "c_src/base/clock.h"
#include "telemetry/attach.h"
#include "telemetry/recorder/recorder.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::telemetry {
namespace {

using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'000'000'000;

// A recording of 30 frames, half a second, and a runtime directory of the test's own.
class ReplayerTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kFrames = 30;

  ReplayerTest() {
    setenv("AMDGPU_RUNTIME_DIR", runtime_.path().c_str(), 1);
    RecorderOptions options;
    options.directory = recording_.path();
    auto recorder = Recorder::Start(options);
    EXPECT_TRUE(recorder.ok()) << recorder.status();
    for (std::uint64_t n = 1; n <= kFrames; ++n) (*recorder)->Add(EncodedFrame(n));
  }
  ~ReplayerTest() override { unsetenv("AMDGPU_RUNTIME_DIR"); }

  ReplayOptions Options(double speed) {
    ReplayOptions options;
    options.path = recording_.path();
    options.speed = speed;
    return options;
  }
  // Plays to the end; what came, and when.
  std::vector<std::string> Play(const ReplayOptions& options) {
    std::vector<std::string> frames;
    auto replayer = Replayer::Start(options, [this, &frames](absl::string_view frame) {
      frames.emplace_back(frame);
      times_.push_back(NowNs());
    });
    EXPECT_TRUE(replayer.ok()) << replayer.status();
    EXPECT_TRUE((*replayer)->WaitForEnd(NowNs() + 20 * kSecond));
    EXPECT_TRUE((*replayer)->status().ended);
    return frames;
  }

  TemporaryDirectory recording_;
  TemporaryDirectory runtime_;
  std::vector<std::uint64_t> times_;
};

TEST_F(ReplayerTest, GivesTheSameBytesAtTheSamePace) {
  const std::vector<std::string> frames = Play(Options(1));
  ASSERT_THAT(frames, SizeIs(kFrames));
  for (std::uint64_t n = 1; n <= kFrames; ++n) EXPECT_EQ(frames[n - 1], EncodedFrame(n));
  // Never early; late by what the machine is.
  for (std::size_t i = 0; i < times_.size(); ++i) {
    EXPECT_GE(times_[i] - times_[0] + kTickNs / 2, i * kTickNs) << i;
  }
}

TEST_F(ReplayerTest, FasterIsSooner) {
  const std::uint64_t start = NowNs();
  EXPECT_THAT(Play(Options(1000)), SizeIs(kFrames));
  EXPECT_LT(NowNs() - start, (kFrames - 1) * kTickNs);
}

TEST_F(ReplayerTest, StartsWhereItIsAskedTo) {
  ReplayOptions options = Options(1000);
  options.from_ns = static_cast<std::int64_t>(20 * kTickNs);
  const std::vector<std::string> frames = Play(options);
  ASSERT_THAT(frames, SizeIs(kFrames - 20));
  EXPECT_EQ(frames[0], EncodedFrame(21));
  options.from_ns = 3600 * static_cast<std::int64_t>(kSecond);
  options.loop = true;
  EXPECT_THAT(Play(options), SizeIs(0)) << "nothing is behind the end, not even in a loop";
}

TEST_F(ReplayerTest, LoopsUntilItIsStopped) {
  ReplayOptions options = Options(200);
  options.loop = true;
  auto replayer = Replayer::Start(options, nullptr);
  ASSERT_TRUE(replayer.ok());
  for (int i = 0; i < 1000 && (*replayer)->status().frames_total < 3 * kFrames; ++i) usleep(10'000);
  EXPECT_GE((*replayer)->status().frames_total, 3 * kFrames);
  EXPECT_FALSE((*replayer)->status().ended);
  EXPECT_FALSE((*replayer)->WaitForEnd(NowNs()));
}

TEST_F(ReplayerTest, CanBeAttachedToLikeARunningSystem) {
  auto replayer = Replayer::Start(Options(0.5), nullptr);
  ASSERT_TRUE(replayer.ok()) << replayer.status();
  auto system = AttachTo(0);
  ASSERT_TRUE(system.ok()) << system.status();
  std::string frame;
  std::uint64_t last = 0;
  while (last < 5) {
    ASSERT_TRUE(system->frames().Wait(NowNs() + 10 * kSecond));
    ASSERT_EQ(system->frames().Next(&frame), BoardReader::Result::kFrame);
    proto::Frame parsed;
    ASSERT_TRUE(parsed.ParseFromString(frame));
    EXPECT_EQ(frame, EncodedFrame(parsed.sequence()));
    EXPECT_GT(parsed.sequence(), last);
    last = parsed.sequence();
  }
  replayer->reset();
  EXPECT_FALSE(system->alive());
}

TEST_F(ReplayerTest, DoesNotWaitForWhatWasNotRecorded) {
  {
    RecorderOptions options;
    options.directory = recording_.path();
    auto recorder = Recorder::Start(options);
    ASSERT_TRUE(recorder.ok());
    proto::Frame frame = MakeFrame(kFrames + 1);
    frame.set_unix_ns(frame.unix_ns() + 3600 * static_cast<std::int64_t>(kSecond));
    (*recorder)->Add(frame.SerializeAsString());
    frame.set_unix_ns(kFirstUnixNs - 7);  // the clock was set back
    (*recorder)->Add(frame.SerializeAsString());
  }
  const std::uint64_t start = NowNs();
  EXPECT_THAT(Play(Options(4)), SizeIs(kFrames + 2));
  EXPECT_LT(NowNs() - start, 10 * kSecond);
}

TEST_F(ReplayerTest, RefusesWhatCannotBe) {
  EXPECT_EQ(Replayer::Start(Options(0), nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  ReplayOptions options;
  options.path = recording_.path() + "/none";
  EXPECT_EQ(Replayer::Start(options, nullptr).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace amdgpu::telemetry
