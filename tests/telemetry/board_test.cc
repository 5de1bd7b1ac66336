// The frame board and how processes attach to it.

#include "telemetry/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/clock.h"
#include "telemetry/attach.h"
#include "telemetry/attach_server.h"

namespace amdgpu::telemetry {
namespace {

using Result = BoardReader::Result;

constexpr std::uint64_t kSecond = 1'000'000'000;

// A frame that says its number in every part of it.
std::string Frame(std::uint64_t number, std::size_t bytes) {
  std::string frame;
  while (frame.size() < bytes) frame += std::to_string(number) + ",";
  frame.resize(bytes);
  return frame;
}

TEST(FrameBoard, GivesEveryFrameInOrder) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok()) << writer.status();
  auto reader = BoardReader::Open(writer->read_only_fd());
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::string frame;
  EXPECT_EQ(reader->Next(&frame), Result::kEmpty);
  for (std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8},
                            std::size_t{4097}, kMaxFrameBytes}) {
    ASSERT_TRUE(writer->Publish(Frame(bytes, bytes)));
    ASSERT_EQ(reader->Next(&frame), Result::kFrame);
    EXPECT_EQ(frame, Frame(bytes, bytes));
  }
  EXPECT_EQ(reader->Next(&frame), Result::kEmpty);
  EXPECT_EQ(reader->missed(), 0u);
}

TEST(FrameBoard, RefusesAFrameThatDoesNotFit) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE(writer->Publish(std::string(kMaxFrameBytes + 1, 'x')));
  EXPECT_EQ(writer->published(), 0u);
}

TEST(FrameBoard, ALaggingReaderIsToldWhatItMissed) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto reader = BoardReader::Open(writer->read_only_fd());
  ASSERT_TRUE(reader.ok());
  constexpr std::uint64_t kFrames = 3 * kBoardSlots;
  for (std::uint64_t i = 0; i < kFrames; ++i) writer->Publish(Frame(i, 100));
  std::string frame;
  std::uint64_t read = 0;
  while (reader->Next(&frame) == Result::kFrame) {
    EXPECT_EQ(frame, Frame(reader->missed() + read, 100));
    ++read;
  }
  EXPECT_GT(read, kBoardSlots / 2);
  EXPECT_EQ(read + reader->missed(), kFrames);
}

TEST(FrameBoard, TheLatestFrameSkipsTheOthers) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto reader = BoardReader::Open(writer->read_only_fd());
  ASSERT_TRUE(reader.ok());
  std::string frame;
  for (std::uint64_t i = 0; i < 10; ++i) writer->Publish(Frame(i, 10));
  ASSERT_EQ(reader->Latest(&frame), Result::kFrame);
  EXPECT_EQ(frame, Frame(9, 10));
  EXPECT_EQ(reader->Latest(&frame), Result::kEmpty);
  EXPECT_EQ(reader->missed(), 0u);
  reader->Rewind();
  ASSERT_EQ(reader->Next(&frame), Result::kFrame);
  EXPECT_EQ(frame, Frame(0, 10));
}

TEST(FrameBoard, AReaderSleepsUntilAFrameComes) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto reader = BoardReader::Open(writer->read_only_fd());
  ASSERT_TRUE(reader.ok());
  const std::uint64_t start = NowNs();
  EXPECT_FALSE(reader->Wait(start + kSecond / 50));
  EXPECT_GE(NowNs() - start, kSecond / 50);
  std::thread publisher([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    writer->Publish("frame");
  });
  EXPECT_TRUE(reader->Wait(NowNs() + 10 * kSecond));
  publisher.join();
  std::string frame;
  EXPECT_EQ(reader->Next(&frame), Result::kFrame);
}

TEST(FrameBoard, NoReaderSeesATornFrame) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  static constexpr std::uint64_t kFrames = 20'000;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    auto opened = BoardReader::Open(writer->read_only_fd());
    ASSERT_TRUE(opened.ok());
    readers.emplace_back([&done, reader = *std::move(opened)]() mutable {
      std::uint64_t read = 0;
      std::string frame;
      while (true) {
        const bool last = done;
        if (reader.Next(&frame) == Result::kFrame) {
          ASSERT_EQ(frame, Frame(read + reader.missed(), 64 + (read + reader.missed()) % 999));
          ++read;
        } else if (last) {
          break;
        }
      }
      EXPECT_EQ(read + reader.missed(), kFrames);
    });
  }
  for (std::uint64_t i = 0; i < kFrames; ++i) writer->Publish(Frame(i, 64 + i % 999));
  done = true;
  for (std::thread& reader : readers) reader.join();
}

TEST(FrameBoard, TheDescriptorCannotBeWritten) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer->read_only_fd(), 0),
            MAP_FAILED);
  EXPECT_LT(pwrite(writer->read_only_fd(), "x", 1, 0), 0);
}

TEST(FrameBoard, OtherFilesAreNoBoards) {
  auto memory = CreateSharedMemory("something else", 1 << 20);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(BoardReader::Open(memory->get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  // Of the right size, and empty.
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto same_size = CreateSharedMemory("same size", *FileBytes(writer->read_only_fd()));
  ASSERT_TRUE(same_size.ok());
  EXPECT_EQ(BoardReader::Open(same_size->get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// Attaching, in a directory of the test's own.
class AttachTest : public ::testing::Test {
 protected:
  AttachTest() {
    std::string name = (std::filesystem::temp_directory_path() / "attachXXXXXX").string();
    directory_ = mkdtemp(name.data());
    setenv("AMDGPU_RUNTIME_DIR", directory_.c_str(), 1);
  }
  ~AttachTest() override {
    unsetenv("AMDGPU_RUNTIME_DIR");
    std::filesystem::remove_all(directory_);
  }

  std::string directory_;
};

TEST_F(AttachTest, FindsARunningRuntimeAndReadsItsFrames) {
  EXPECT_THAT(ListRuntimes(), ::testing::IsEmpty());
  EXPECT_EQ(AttachTo(0).status().code(), absl::StatusCode::kNotFound);
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto server = AttachServer::Start(writer->read_only_fd());
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_EQ(ListRuntimes().size(), 1u);
  EXPECT_EQ(ListRuntimes()[0].pid, getpid());
  auto system = AttachTo(getpid());
  ASSERT_TRUE(system.ok()) << system.status();
  EXPECT_EQ(system->frames().pid(), getpid());
  writer->Publish("frame");
  std::string frame;
  ASSERT_TRUE(system->frames().Wait(NowNs() + kSecond));
  ASSERT_EQ(system->frames().Next(&frame), Result::kFrame);
  EXPECT_EQ(frame, "frame");
  EXPECT_TRUE(system->alive());
  for (int i = 0; i < 200 && (*server)->attached() != 1; ++i) usleep(10'000);
  EXPECT_EQ((*server)->attached(), 1);
  server->reset();
  EXPECT_FALSE(system->alive());
  EXPECT_THAT(ListRuntimes(), ::testing::IsEmpty());
}

TEST_F(AttachTest, SeesARuntimeThatIsKilledEnd) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = BoardWriter::Create();
    if (!writer.ok()) _exit(1);
    auto server = AttachServer::Start(writer->read_only_fd());
    if (!server.ok() || write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  auto system = AttachTo(child);
  ASSERT_TRUE(system.ok()) << system.status();
  EXPECT_TRUE(system->alive());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int i = 0; i < 200 && system->alive(); ++i) usleep(10'000);
  EXPECT_FALSE(system->alive());
  // What it left behind is found to be stale and goes.
  EXPECT_FALSE(std::filesystem::is_empty(directory_));
  EXPECT_THAT(ListRuntimes(), ::testing::IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(AttachTest, OtherFilesInTheDirectoryAreLeftAlone) {
  std::ofstream(directory_ + "/notes.txt") << "mine";
  std::ofstream(directory_ + "/12-1.frames") << "not a socket";
  EXPECT_THAT(ListRuntimes(), ::testing::IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/12-1.frames"));
}

TEST_F(AttachTest, ADirectoryThatOthersMayEnterIsRefused) {
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  EXPECT_EQ(RuntimeDirectory().status().code(), absl::StatusCode::kPermissionDenied);
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(AttachServer::Start(writer->read_only_fd()).status().code(),
            absl::StatusCode::kPermissionDenied);
  // A link to a directory of ours is not ours either: who made the link may change it.
  ASSERT_EQ(chmod(directory_.c_str(), 0700), 0);
  const std::string link = directory_ + "/link";
  std::filesystem::create_directory_symlink(directory_, link);
  setenv("AMDGPU_RUNTIME_DIR", link.c_str(), 1);
  EXPECT_EQ(RuntimeDirectory().status().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(AttachTest, MoreThanTheServerTakesAreTurnedAway) {
  auto writer = BoardWriter::Create();
  ASSERT_TRUE(writer.ok());
  auto server = AttachServer::Start(writer->read_only_fd());
  ASSERT_TRUE(server.ok());
  const RuntimeEntry entry = ListRuntimes().at(0);
  std::vector<Attachment> attached;
  for (int i = 0; i < AttachServer::kMaxAttached; ++i) {
    auto system = Attach(entry);
    ASSERT_TRUE(system.ok()) << i << ": " << system.status();
    attached.push_back(*std::move(system));
  }
  EXPECT_EQ(Attach(entry).status().code(), absl::StatusCode::kUnavailable);
  attached.clear();
  absl::StatusOr<Attachment> again = Attach(entry);
  for (int i = 0; i < 200 && !again.ok(); ++i) {
    usleep(10'000);
    again = Attach(entry);
  }
  EXPECT_TRUE(again.ok());
}

}  // namespace
}  // namespace amdgpu::telemetry
