// The hub feeding the recorder, in process: every frame, at the full rate, whoever else looks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "telemetry/hub.h"
#include "telemetry/recorder/recorder.h"
#include "telemetry/recorder/recording.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::telemetry {
namespace {

TEST(HubRecording, KeepsFramesComingWhileNobodyLooksAndLosesNone) {
  TemporaryDirectory directory;
  const HubRef hub = Hub::Start({.rate_hz = 200, .idle_rate_hz = 1, .publish = false});
  std::atomic<std::uint64_t> seen{0};
  hub->SetSink([&seen](absl::string_view) { ++seen; });
  {
    RecorderOptions options;
    options.directory = directory.path();
    auto started = Recorder::Start(options);
    ASSERT_TRUE(started.ok()) << started.status();
    const std::shared_ptr<Recorder> recorder = *std::move(started);
    hub->SetRecorder([recorder](absl::string_view frame) { recorder->Add(frame); });
    for (int i = 0; i < 1000 && seen < 100; ++i) usleep(10'000);
    hub->SetRecorder(nullptr);
  }
  const std::uint64_t frames = seen;
  ASSERT_GE(frames, 100u);
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_GE(recording->frames() + 2, frames);
  std::string bytes;
  std::uint64_t last = 0;
  while (recording->Next(&bytes)) {
    proto::Frame frame;
    ASSERT_TRUE(frame.ParseFromString(bytes));
    EXPECT_TRUE(last == 0 || frame.sequence() == last + 1);
    last = frame.sequence();
  }
  // And nobody looks again.
  usleep(300'000);
  EXPECT_LT(seen - frames, 10u);
}

}  // namespace
}  // namespace amdgpu::telemetry
