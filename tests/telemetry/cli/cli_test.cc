// The program `amdgpu` itself: run as a user runs it, on a terminal and without one.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "c_src/base/clock.h"
#include "telemetry/attach.h"
#include "telemetry/attach_server.h"
#include "telemetry/board.h"
#include "telemetry/recorder/recorder.h"
#include "telemetry/recorder/recording.h"
#include "tests/telemetry/recorder/frames.h"

namespace amdgpu::cli {
namespace {

using telemetry::EncodedFrame;
using telemetry::MakeFrame;
using telemetry::TemporaryDirectory;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'000'000'000;

// A running system, made of a frame board alone.
class FakeSystem {
 public:
  FakeSystem()
      : board_(*telemetry::BoardWriter::Create()),
        server_(*telemetry::AttachServer::Start(board_.read_only_fd())),
        thread_([this] {
          for (std::uint64_t n = 1; !stop_; ++n) {
            board_.Publish(EncodedFrame(n));
            usleep(5'000);
          }
        }) {}
  ~FakeSystem() {
    stop_ = true;
    thread_.join();
  }

 private:
  telemetry::BoardWriter board_;
  std::unique_ptr<telemetry::AttachServer> server_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// The program, with its output in a pipe or on a terminal of 30 x 120.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments, bool terminal = false,
                   const char* kind = "xterm") {
    int out[2] = {-1, -1};
    EXPECT_EQ(pipe(out), 0);
    winsize size{30, 120, 0, 0};
    pid_ = terminal ? forkpty(&fd_, nullptr, nullptr, &size) : fork();
    EXPECT_GE(pid_, 0);
    if (pid_ == 0) {
      if (!terminal) {
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
      }
      close(out[0]);
      close(out[1]);
      setenv("TERM", kind, 1);
      std::vector<char*> argv = {const_cast<char*>("amdgpu")};
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(AMDGPU_CLI, argv.data());
      _exit(127);
    }
    close(out[1]);
    if (terminal) {
      close(out[0]);
    } else {
      fd_ = out[0];
    }
  }
  ~Program() {
    if (!status_.has_value()) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(fd_);
  }

  // Reads until `text` has come; false if it does not within ten seconds.
  bool Expect(const std::string& text) {
    const std::uint64_t end = NowNs() + 10 * kSecond;
    while (output_.find(text) == std::string::npos) {
      if (!Read(end)) return false;
    }
    return true;
  }
  // Everything there is, up to its end.
  const std::string& Finish() {
    const std::uint64_t end = NowNs() + 20 * kSecond;
    while (Read(end)) {
    }
    return output_;
  }
  int ExitStatus() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return *status_;
  }
  void Signal(int signal) { kill(pid_, signal); }
  void Type(const std::string& keys) {
    EXPECT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  int fd() const { return fd_; }

 private:
  bool Read(std::uint64_t end_ns) {
    const std::uint64_t now = NowNs();
    pollfd entry{fd_, POLLIN, 0};
    if (now >= end_ns || poll(&entry, 1, static_cast<int>((end_ns - now) / 1'000'000)) <= 0) {
      return false;
    }
    char buffer[65536];
    const ssize_t got = read(fd_, buffer, sizeof(buffer));  // an error is a terminal's end
    if (got <= 0) return false;
    output_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  pid_t pid_ = 0;
  int fd_ = -1;
  std::string output_;
  std::optional<int> status_;
};

class CliTest : public ::testing::Test {
 protected:
  CliTest() { setenv("AMDGPU_RUNTIME_DIR", runtime_.path().c_str(), 1); }
  ~CliTest() override { unsetenv("AMDGPU_RUNTIME_DIR"); }

  void Record(std::uint64_t frames) {
    telemetry::RecorderOptions options;
    options.directory = recording_.path();
    auto recorder = telemetry::Recorder::Start(options);
    ASSERT_TRUE(recorder.ok());
    for (std::uint64_t n = 1; n <= frames; ++n) (*recorder)->Add(EncodedFrame(n));
  }

  TemporaryDirectory runtime_;
  TemporaryDirectory recording_;
};

// A program whose output is to be one line that says what is wrong.
void ExpectFailure(std::vector<std::string> arguments, int status, const std::string& message) {
  Program program(std::move(arguments));
  const std::string& output = program.Finish();
  EXPECT_THAT(output, HasSubstr(message));
  EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
  EXPECT_EQ(program.ExitStatus(), status);
}

TEST_F(CliTest, SaysWhatIsWrongInOneLine) {
  ExpectFailure({"top"}, 1, "amdgpu: no AMDGPU runtime of this user is running");
  ExpectFailure({"top", "--json", "--pid", "1"}, 1, "no AMDGPU runtime in process 1");
  ExpectFailure({"record", recording_.path()}, 1, "is running");
  ExpectFailure({"export", recording_.path()}, 1, "no recording");
  ExpectFailure({"export", recording_.path(), "--format", "xml"}, 2, "amdgpu: --format");
  ExpectFailure({"replay", recording_.path() + "/none"}, 1, "no such file");
  ExpectFailure({"replay", recording_.path(), "--speed", "0"}, 2, "--speed");
  ExpectFailure({}, 2, "subcommand");
  ExpectFailure({"top", "--json", "--stream"}, 2, "excludes");
}

TEST_F(CliTest, TopNeedsATerminal) {
  FakeSystem system;
  ExpectFailure({"top"}, 1, "use --json or --stream");
  Program program({"top"}, true, "no-such-terminal");
  EXPECT_THAT(program.Finish(), HasSubstr("$TERM"));
  EXPECT_EQ(program.ExitStatus(), 1);
}

TEST_F(CliTest, TopPrintsOneFrameOrMany) {
  FakeSystem system;
  Program one({"top", "--json"});
  const auto frame = nlohmann::json::parse(one.Finish());
  EXPECT_EQ(frame["runtime"]["hostname"], "bench");
  EXPECT_EQ(frame["launches"].size(), 2u);
  EXPECT_EQ(one.ExitStatus(), 0);

  Program many({"top", "--stream", "--pid", std::to_string(getpid())});
  EXPECT_TRUE(many.Expect("\n"));
  usleep(200'000);
  many.Signal(SIGTERM);
  std::uint64_t last = 0;
  int lines = 0;
  const std::vector<std::string> printed = absl::StrSplit(many.Finish(), '\n', absl::SkipEmpty());
  for (const std::string& line : printed) {
    const std::uint64_t sequence =
        std::stoull(nlohmann::json::parse(line)["sequence"].get<std::string>());
    EXPECT_TRUE(last == 0 || sequence == last + 1) << sequence << " after " << last;
    last = sequence;
    ++lines;
  }
  EXPECT_GT(lines, 5);
  EXPECT_EQ(many.ExitStatus(), 0);
}

// The terminal's settings as they were, and the escape sequence that brings the old screen back.
void ExpectRestored(Program& program, const termios& before) {
  EXPECT_THAT(program.Finish(), HasSubstr("\x1b[?1049l"));
  termios after{};
  ASSERT_EQ(tcgetattr(program.fd(), &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_iflag, before.c_iflag);
}

TEST_F(CliTest, TopDrawsAndLeavesTheTerminalAsItWas) {
  FakeSystem system;
  for (const bool by_key : {true, false}) {
    Program program({"top", "--interval", "0.1"}, true);
    termios before{};
    ASSERT_EQ(tcgetattr(program.fd(), &before), 0);
    // As a terminal begins; the program may have changed it already.
    before.c_lflag |= ICANON | ECHO;
    before.c_iflag |= ICRNL;
    ASSERT_TRUE(program.Expect("saxpy"));
    ASSERT_TRUE(program.Expect("Elixir.Trainer"));
    program.Type("s");
    EXPECT_TRUE(program.Expect("launches)"));
    program.Type("p");
    EXPECT_TRUE(program.Expect("PAUSED"));
    if (by_key) {
      program.Type("q");
    } else {
      program.Signal(SIGTERM);
    }
    ExpectRestored(program, before);
    EXPECT_EQ(program.ExitStatus(), 0);
  }
  // Ctrl-C comes from the terminal.
  Program program({"top"}, true);
  ASSERT_TRUE(program.Expect("saxpy"));
  program.Type("\x03");
  EXPECT_TRUE(program.Expect("\x1b[?1049l"));
  EXPECT_EQ(program.ExitStatus(), 0);
}

TEST_F(CliTest, TopEndsWithTheSystem) {
  auto system = std::make_unique<FakeSystem>();
  Program program({"top"}, true);
  ASSERT_TRUE(program.Expect("saxpy"));
  system.reset();
  EXPECT_TRUE(program.Expect("has ended"));
  EXPECT_EQ(program.ExitStatus(), 0);
}

TEST_F(CliTest, RecordsARunningSystem) {
  auto system = std::make_unique<FakeSystem>();
  Program program({"record", recording_.path() + "/new", "--bytes", "8MiB"});
  ASSERT_TRUE(program.Expect("recording process"));
  usleep(300'000);
  program.Signal(SIGINT);
  EXPECT_THAT(program.Finish(), HasSubstr("0 missed, 0 dropped"));
  EXPECT_EQ(program.ExitStatus(), 0);
  auto recording = telemetry::Recording::Open(recording_.path() + "/new");
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_GT(recording->frames(), 10u);

  Program timed({"record", recording_.path() + "/timed", "--for", "0.2"});
  timed.Finish();
  EXPECT_EQ(timed.ExitStatus(), 0);
  EXPECT_TRUE(telemetry::Recording::Open(recording_.path() + "/timed").ok());
}

TEST_F(CliTest, ExportsToAFileOrToStandardOutput) {
  Record(120);
  Program table({"export", recording_.path(), "--format", "csv-launches"});
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(table.Finish(), "\r\n")),
              SizeIs(1 + 240 + 1));
  EXPECT_EQ(table.ExitStatus(), 0);
  Program part(
      {"export", recording_.path(), "--format", "csv-launches", "--from", "0.5", "--for", "0.5"});
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(part.Finish(), "\r\n")), SizeIs(1 + 60 + 1));

  const std::string file = recording_.path() + "/trace.json";
  Program chrome({"export", recording_.path(), "--format", "chrome", "-o", file});
  EXPECT_THAT(chrome.Finish(), IsEmpty());
  EXPECT_EQ(chrome.ExitStatus(), 0);
  std::ifstream in(file);
  EXPECT_THAT(nlohmann::json::parse(in)["traceEvents"], Not(IsEmpty()));
}

TEST_F(CliTest, ADiskThatIsFullIsAnError) {
  Record(10);
  ExpectFailure({"export", recording_.path(), "-o", "/dev/full"}, 1, "No space left");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full")) << "a device is not removed";
  ExpectFailure({"export", recording_.path(), "-o", recording_.path() + "/no/such/place"}, 1,
                "No such file");
}

TEST_F(CliTest, SaysWhatIsDamagedAndExportsTheRest) {
  Record(10);
  const std::string segment = telemetry::ListSegments(recording_.path())->at(0);
  {
    std::ofstream(segment, std::ios::app | std::ios::binary) << "rubbish";
  }
  Program program({"export", recording_.path(), "--format", "csv-launches"});
  const std::string& output = program.Finish();
  EXPECT_THAT(output, HasSubstr("amdgpu: damaged: " + segment));
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(output, "\r\n")), SizeIs(1 + 20 + 1));
  EXPECT_EQ(program.ExitStatus(), 0);
}

TEST_F(CliTest, AReplayIsWhatTopSees) {
  Record(60);
  Program replay({"replay", recording_.path(), "--loop"});
  ASSERT_TRUE(replay.Expect("replaying 60 frames"));
  Program top({"top", "--json"});
  EXPECT_EQ(nlohmann::json::parse(top.Finish())["runtime"]["pid"], 4242);
  replay.Signal(SIGTERM);
  replay.Finish();
  EXPECT_EQ(replay.ExitStatus(), 0);
  Program once({"replay", recording_.path(), "--speed", "10"});
  once.Finish();
  EXPECT_EQ(once.ExitStatus(), 0);
}

}  // namespace
}  // namespace amdgpu::cli
