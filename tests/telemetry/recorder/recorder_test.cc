// The flight recorder: limits, kills, full disks, damage.

#include "telemetry/recorder/recorder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "telemetry/recorder/recording.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::telemetry {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

RecorderOptions To(const std::string& directory) {
  RecorderOptions options;
  options.directory = directory;
  return options;
}

// A frame that does not pack.
std::string NoisyFrame(std::uint64_t number, std::size_t bytes) {
  std::mt19937_64 random(number);
  proto::Frame frame = MakeFrame(number);
  std::string noise(bytes, '\0');
  // The hostname is text; a character holds six bits of noise.
  for (char& byte : noise) byte = static_cast<char>('0' + random() % 64);
  frame.mutable_runtime()->set_hostname(noise);
  return frame.SerializeAsString();
}

void Record(const std::string& directory, std::uint64_t first, std::uint64_t last) {
  auto recorder = Recorder::Start(To(directory));
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  for (std::uint64_t n = first; n <= last; ++n) (*recorder)->Add(EncodedFrame(n));
}

std::vector<std::string> ReadAll(Recording& recording) {
  std::vector<std::string> frames;
  std::string frame;
  while (recording.Next(&frame)) frames.push_back(frame);
  return frames;
}

std::vector<std::string> ReadAll(const std::string& path) {
  auto recording = Recording::Open(path);
  if (!recording.ok()) return {};
  return ReadAll(*recording);
}

std::uint64_t BytesIn(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(directory)) bytes += entry.file_size();
  return bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Until the recorder has written what it was given; its own interval decides when.
RecorderStatus WaitUntil(const Recorder& recorder, bool (*done)(const RecorderStatus&)) {
  for (int i = 0; i < 1000 && !done(recorder.status()); ++i) usleep(10'000);
  return recorder.status();
}

TEST(Recorder, WhatWasRecordedIsReadAgainByteForByte) {
  TemporaryDirectory directory;
  Record(directory.path() + "/new", 1, 1000);
  auto recording = Recording::Open(directory.path() + "/new");
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_EQ(recording->frames(), 1000u);
  EXPECT_EQ(recording->first_unix_ns(), kFirstUnixNs);
  EXPECT_EQ(recording->last_unix_ns(), MakeFrame(1000).unix_ns());
  const std::vector<std::string> frames = ReadAll(*recording);
  ASSERT_THAT(frames, SizeIs(1000));
  for (std::uint64_t n = 1; n <= 1000; ++n) ASSERT_EQ(frames[n - 1], EncodedFrame(n));
  EXPECT_THAT(recording->damage(), IsEmpty());
  EXPECT_LT(recording->bytes(), 1000 * EncodedFrame(1).size() / 3) << "it is packed";
}

TEST(Recorder, WritesWhileItRuns) {
  TemporaryDirectory directory;
  auto recorder = Recorder::Start(To(directory.path()));
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  for (std::uint64_t n = 1; n <= 10; ++n) (*recorder)->Add(EncodedFrame(n));
  const RecorderStatus status =
      WaitUntil(**recorder, [](const RecorderStatus& s) { return s.frames_total == 10; });
  EXPECT_EQ(status.frames_total, 10u);
  EXPECT_EQ(status.oldest_unix_ns, kFirstUnixNs);
  EXPECT_EQ(status.newest_unix_ns, MakeFrame(10).unix_ns());
  EXPECT_EQ(status.bytes, BytesIn(directory.path()));
  EXPECT_TRUE(status.error.ok());
  EXPECT_THAT(ReadAll(directory.path()), SizeIs(10)) << "read while it is written";
}

TEST(Recorder, GoesOnWithWhatIsThere) {
  TemporaryDirectory directory;
  Record(directory.path(), 1, 20);
  Record(directory.path(), 21, 40);
  const std::vector<std::string> frames = ReadAll(directory.path());
  ASSERT_THAT(frames, SizeIs(40));
  EXPECT_EQ(frames[39], EncodedFrame(40));
  // One that was given no frames leaves nothing behind.
  Record(directory.path(), 1, 0);
  EXPECT_THAT(*ListSegments(directory.path()), SizeIs(2));
}

TEST(Recorder, OneAtATimeInADirectory) {
  TemporaryDirectory directory;
  auto first = Recorder::Start(To(directory.path()));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Recorder::Start(To(directory.path())).status().code(),
            absl::StatusCode::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(Recorder::Start(To(directory.path())).ok());
}

TEST(Recorder, RefusesWhatCannotBe) {
  TemporaryDirectory directory;
  RecorderOptions small = To(directory.path());
  small.max_bytes = Recorder::kLeastBytes - 1;
  EXPECT_EQ(Recorder::Start(small).status().code(), absl::StatusCode::kInvalidArgument);
  WriteFile(directory.path() + "/file", "no directory");
  EXPECT_FALSE(Recorder::Start(To(directory.path() + "/file")).ok());
  EXPECT_FALSE(Recorder::Start(To("/proc/none")).ok());
}

TEST(Recorder, KeepsWithinItsBytesByDroppingTheOldest) {
  TemporaryDirectory directory;
  RecorderOptions options = To(directory.path());
  options.max_bytes = Recorder::kLeastBytes;
  std::uint64_t most = 0;
  constexpr std::uint64_t kFrames = 600;
  {
    auto recorder = Recorder::Start(options);
    ASSERT_TRUE(recorder.ok());
    for (std::uint64_t n = 1; n <= kFrames; ++n) {
      (*recorder)->Add(NoisyFrame(n, 20'000));
      if (n % 100 == 0) {
        // Not one burst: the limit holds all the time.
        for (int i = 0; i < 1000 && (*recorder)->status().frames_total != n; ++i) usleep(2'000);
        most = std::max(most, BytesIn(directory.path()));
      }
    }
  }
  EXPECT_LE(most, options.max_bytes);
  EXPECT_LE(BytesIn(directory.path()), options.max_bytes);
  EXPECT_GE(BytesIn(directory.path()), options.max_bytes / 2);
  const std::vector<std::string> frames = ReadAll(directory.path());
  ASSERT_THAT(frames, Not(IsEmpty()));
  EXPECT_LT(frames.size(), kFrames);
  // The newest ones, with no gap.
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_EQ(frames[i], NoisyFrame(kFrames - frames.size() + 1 + i, 20'000));
  }
}

TEST(Recorder, KeepsWithinItsTime) {
  TemporaryDirectory directory;
  RecorderOptions options = To(directory.path());
  options.max_age_ns = 60ull * 1'000'000'000;
  // A day, a frame a minute; the segments are an eighth of the limit long, at least a block.
  {
    for (int hour = 0; hour < 4; ++hour) {
      auto recorder = Recorder::Start(options);
      ASSERT_TRUE(recorder.ok());
      for (int second = 0; second < 10; ++second) {
        proto::Frame frame = MakeFrame(1);
        frame.set_unix_ns(kFirstUnixNs + (hour * 3600ll + second) * 1'000'000'000);
        (*recorder)->Add(frame.SerializeAsString());
      }
    }
  }
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok());
  EXPECT_EQ(recording->first_unix_ns(), kFirstUnixNs + 3 * 3600ll * 1'000'000'000);
  EXPECT_EQ(recording->frames(), 10u);
}

TEST(Recorder, FramesThatAreTooLargeAreDroppedAndCounted) {
  TemporaryDirectory directory;
  RecorderOptions options = To(directory.path());
  options.max_bytes = Recorder::kLeastBytes;
  auto recorder = Recorder::Start(options);
  ASSERT_TRUE(recorder.ok());
  (*recorder)->Add(NoisyFrame(1, options.max_bytes / 4));
  (*recorder)->Add(EncodedFrame(2));
  recorder->reset();
  EXPECT_THAT(ReadAll(directory.path()), SizeIs(1));
}

TEST(Recorder, AFullDiskEndsTheRecordingAndSaysSo) {
  TemporaryDirectory directory;
  // In a child: the limit is the process's. A file that would grow above it is an error and a
  // signal that ends who does not block it.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto recorder = Recorder::Start(To(directory.path()));
    if (!recorder.ok()) _exit(1);
    for (std::uint64_t n = 1; n <= 5; ++n) (*recorder)->Add(NoisyFrame(n, 10'000));
    WaitUntil(**recorder, [](const RecorderStatus& s) { return s.frames_total == 5; });
    for (std::uint64_t n = 6; n <= 50; ++n) (*recorder)->Add(NoisyFrame(n, 10'000));
    const RecorderStatus status =
        WaitUntil(**recorder, [](const RecorderStatus& s) { return !s.error.ok(); });
    if (status.error.ok() || status.frames_total != 5 || status.frames_dropped != 45) _exit(2);
    (*recorder)->Add(EncodedFrame(51));
    if ((*recorder)->status().frames_dropped != 46) _exit(3);
    recorder->reset();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_THAT(recording->damage(), IsEmpty()) << "half a block was left behind";
  EXPECT_THAT(ReadAll(*recording), SizeIs(5));
}

TEST(Recorder, AKilledProcessLosesTheLastMomentOnly) {
  TemporaryDirectory directory;
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto recorder = Recorder::Start(To(directory.path()));
    if (!recorder.ok()) _exit(1);
    for (std::uint64_t n = 1;; ++n) {
      (*recorder)->Add(EncodedFrame(n));
      const std::uint64_t now = NowNs();
      if (write(told[1], &now, sizeof(now)) != sizeof(now)) _exit(1);
      usleep(1'000);
    }
  }
  close(told[1]);
  usleep(2'300'000);
  const std::uint64_t killed_ns = NowNs();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  std::vector<std::uint64_t> times;
  std::uint64_t time;
  while (read(told[0], &time, sizeof(time)) == sizeof(time)) times.push_back(time);
  close(told[0]);
  const std::vector<std::string> frames = ReadAll(directory.path());
  ASSERT_THAT(frames, Not(IsEmpty()));
  for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_EQ(frames[i], EncodedFrame(i + 1));
  ASSERT_LE(frames.size(), times.size() + 1);
  // The first frame that is missing came less than a second before the end.
  if (frames.size() < times.size()) {
    EXPECT_LT(killed_ns - times[frames.size()], 1'000'000'000u);
  }
  // And recording goes on.
  Record(directory.path(), 1, 3);
  EXPECT_THAT(ReadAll(directory.path()), SizeIs(frames.size() + 3));
}

// A segment of three blocks, each of some frames, and where they end.
struct ThreeBlocks {
  std::string bytes;
  std::vector<std::size_t> ends;       // of each block
  std::vector<std::size_t> frames_by;  // frames up to there
};
ThreeBlocks MakeThreeBlocks() {
  ThreeBlocks made;
  made.bytes = EncodeSegmentHeader(1);
  std::uint64_t n = 1;
  for (const std::uint64_t frames : {2, 1, 4}) {
    BlockBuilder builder(3);
    for (std::uint64_t i = 0; i < frames; ++i) builder.Add(EncodedFrame(n++));
    made.bytes += builder.Finish();
    made.ends.push_back(made.bytes.size());
    made.frames_by.push_back(n - 1);
  }
  return made;
}

TEST(Recording, CutOffAtAnyByteTheWholeBlocksAreRead) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/000000000001.segment";
  const ThreeBlocks made = MakeThreeBlocks();
  for (std::size_t size = 0; size <= made.bytes.size(); ++size) {
    WriteFile(path, made.bytes.substr(0, size));
    std::size_t expected = 0;
    for (std::size_t i = 0; i < made.ends.size(); ++i) {
      if (made.ends[i] <= size) expected = made.frames_by[i];
    }
    auto recording = Recording::Open(directory.path());
    if (expected == 0) {
      ASSERT_FALSE(recording.ok()) << "at " << size;
      continue;
    }
    ASSERT_TRUE(recording.ok()) << "at " << size << ": " << recording.status();
    const std::vector<std::string> frames = ReadAll(*recording);
    ASSERT_THAT(frames, SizeIs(expected)) << "at " << size;
    for (std::size_t i = 0; i < frames.size(); ++i) ASSERT_EQ(frames[i], EncodedFrame(i + 1));
    const bool whole = size == kSegmentHeaderBytes ||
                       std::find(made.ends.begin(), made.ends.end(), size) != made.ends.end();
    ASSERT_EQ(recording->damage().empty(), whole) << "at " << size;
  }
}

TEST(Recording, AnyByteThatIsWrongIsSeenAndCostsItsBlockAtMostTheRest) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/000000000001.segment";
  const ThreeBlocks made = MakeThreeBlocks();
  for (std::size_t at = 0; at < made.bytes.size(); ++at) {
    std::string bytes = made.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    WriteFile(path, bytes);
    auto recording = Recording::Open(directory.path());
    if (at < kSegmentHeaderBytes) {
      ASSERT_EQ(recording.status().code(), absl::StatusCode::kDataLoss) << "at " << at;
      continue;
    }
    const std::size_t block = static_cast<std::size_t>(
        std::upper_bound(made.ends.begin(), made.ends.end(), at) - made.ends.begin());
    const std::size_t begin = block == 0 ? kSegmentHeaderBytes : made.ends[block - 1];
    const bool in_header = at < begin + kBlockHeaderBytes;
    const std::size_t before = block == 0 ? 0 : made.frames_by[block - 1];
    const std::size_t expected =
        before + (in_header ? 0 : made.frames_by.back() - made.frames_by[block]);
    if (!recording.ok()) {
      ASSERT_EQ(expected, 0u) << "at " << at;
      continue;
    }
    ASSERT_THAT(ReadAll(*recording), SizeIs(expected)) << "at " << at;
    ASSERT_THAT(recording->damage(), SizeIs(1)) << "at " << at;
  }
}

TEST(Recording, SeeksByTime) {
  TemporaryDirectory directory;
  Record(directory.path(), 1, 400);
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok());
  std::string frame;
  for (const std::uint64_t n : {300u, 1u, 400u, 57u}) {
    recording->Seek(MakeFrame(n).unix_ns());
    ASSERT_TRUE(recording->Next(&frame));
    EXPECT_EQ(frame, EncodedFrame(n));
    recording->Seek(MakeFrame(n).unix_ns() - 1);
    ASSERT_TRUE(recording->Next(&frame));
    EXPECT_EQ(frame, EncodedFrame(n)) << "between two frames: the later one";
  }
  ASSERT_TRUE(recording->Next(&frame));
  EXPECT_EQ(frame, EncodedFrame(58)) << "it goes on from there";
  recording->Seek(0);
  EXPECT_THAT(ReadAll(*recording), SizeIs(400));
  recording->Seek(MakeFrame(400).unix_ns() + 1);
  EXPECT_FALSE(recording->Next(&frame));
}

TEST(Recording, SaysWhatIsNone) {
  TemporaryDirectory directory;
  EXPECT_EQ(Recording::Open(directory.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Recording::Open(directory.path() + "/none").status().code(),
            absl::StatusCode::kNotFound);
  WriteFile(directory.path() + "/notes.txt", "not a segment");
  EXPECT_EQ(Recording::Open(directory.path()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Recording::Open(directory.path() + "/notes.txt").status().code(),
            absl::StatusCode::kDataLoss);
  WriteFile(directory.path() + "/000000000001.segment", "");
  EXPECT_EQ(Recording::Open(directory.path()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Recording, OneBadSegmentCostsItselfAlone) {
  TemporaryDirectory directory;
  Record(directory.path(), 1, 10);
  Record(directory.path(), 11, 20);
  Record(directory.path(), 21, 30);
  const auto segments = ListSegments(directory.path());
  ASSERT_THAT(*segments, SizeIs(3));
  WriteFile(segments->at(1), "rubbish");
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok());
  EXPECT_THAT(ReadAll(*recording), SizeIs(20));
  ASSERT_THAT(recording->damage(), SizeIs(1));
  EXPECT_THAT(recording->damage()[0], HasSubstr(segments->at(1)));
  // Recording goes on behind it, and the bad file is not touched.
  Record(directory.path(), 31, 40);
  EXPECT_THAT(ReadAll(directory.path()), SizeIs(30));
  EXPECT_EQ(ReadFile(segments->at(1)), "rubbish");
}

TEST(Recording, ASegmentThatIsRemovedMeanwhileIsSaidToBe) {
  TemporaryDirectory directory;
  Record(directory.path(), 1, 10);
  Record(directory.path(), 11, 20);
  auto recording = Recording::Open(directory.path());
  ASSERT_TRUE(recording.ok());
  fs::remove(ListSegments(directory.path())->at(0));
  EXPECT_THAT(ReadAll(*recording), SizeIs(10));
  ASSERT_THAT(recording->damage(), SizeIs(1));
  EXPECT_THAT(recording->damage()[0], HasSubstr("gone"));
}

TEST(Recording, ABlockThatWouldUnpackToTooMuchIsRefused) {
  TemporaryDirectory directory;
  // A checksum that fits proves nothing: the header's numbers are checked all the same.
  BlockBuilder builder(3);
  for (std::uint64_t n = 1; n <= 5; ++n) builder.Add(EncodedFrame(n));
  const std::string block = builder.Finish();
  auto header = DecodeBlockHeader(block);
  ASSERT_TRUE(header.ok());
  const std::string payload = block.substr(kBlockHeaderBytes);
  EXPECT_THAT(*DecodeBlock(*header, payload), SizeIs(5));
  BlockHeader wrong = *header;
  wrong.frames = 4;
  EXPECT_EQ(DecodeBlock(wrong, payload).status().code(), absl::StatusCode::kDataLoss);
  wrong.frames = 6;
  EXPECT_EQ(DecodeBlock(wrong, payload).status().code(), absl::StatusCode::kDataLoss);
  wrong = *header;
  wrong.raw_bytes -= 1;
  EXPECT_EQ(DecodeBlock(wrong, payload).status().code(), absl::StatusCode::kDataLoss);
  wrong.raw_bytes += 2;
  EXPECT_EQ(DecodeBlock(wrong, payload).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeBlock(*header, payload.substr(1)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(Recording, TheTimeOfAFrameIsFoundWithoutDecodingIt) {
  EXPECT_EQ(FrameUnixNs(EncodedFrame(7)), MakeFrame(7).unix_ns());
  EXPECT_EQ(FrameUnixNs(""), 0);
  EXPECT_EQ(FrameUnixNs("\xff\xff\xff"), 0);
  proto::Frame without;
  without.set_sequence(3);
  without.set_interval_ns(4);
  EXPECT_EQ(FrameUnixNs(without.SerializeAsString()), 0);
}

}  // namespace
}  // namespace amdgpu::telemetry
