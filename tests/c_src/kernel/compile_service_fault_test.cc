// Faults: compilers that crash, hang, lie or are not there; a machine out of descriptors or disk.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "c_src/base/error.h"
#include "c_src/base/unique_fd.h"
#include "c_src/kernel/compile_service.h"
#include "tests/c_src/kernel/compile_service_fixture.h"

namespace amdgpu {
namespace {

class CompileServiceFaultTest : public CompileServiceTest {
 protected:
  pid_t CompilerPid() const {
    pid_t pid = 0;
    for (const std::string& line : LogLines()) {
      if (line.starts_with("start ")) pid = std::stoi(line.substr(6));
    }
    return pid;
  }
};

TEST_F(CompileServiceFaultTest, ACrashIsTriedAgainOnce) {
  auto service = Create(Options());
  EXPECT_TRUE(Compile(*service, "crash-once " + marker()).code.ok());
  EXPECT_EQ(service->stats().crashes, 1u);
  EXPECT_EQ(service->stats().failed, 0u);

  const CompileResult result = Compile(*service, "crash");
  EXPECT_TRUE(absl::IsInternal(result.code.status()));
  EXPECT_NE(result.code.status().message().find("Killed"), std::string::npos)
      << result.code.status();
  const auto detail = GetErrorDetail(result.code.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->compile().outcome(), proto::CompileReply::CRASHED);
  EXPECT_EQ(Logged(" crash"), 4);  // twice each
  EXPECT_EQ(service->stats().crashes, 3u);
  EXPECT_EQ(Logged("start"), 1) << "a crash of a child is none of its parent's";
}

TEST_F(CompileServiceFaultTest, WrongAnswersAreCrashes) {
  auto service = Create(Options());
  for (const std::string mode : {"garbage", "oversized", "half", "vanish"}) {
    const CompileResult result = Compile(*service, mode);
    EXPECT_TRUE(absl::IsInternal(result.code.status())) << mode << ": " << result.code.status();
    EXPECT_EQ(Logged(" " + mode), 2) << mode;
  }
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
}

TEST_F(CompileServiceFaultTest, TheProcessKilledWhileCompiling) {
  auto service = Create(Options());
  Pending pending = Start(*service, Request("slow 300"));
  ASSERT_TRUE(Eventually([&] { return Logged("slow 300") == 1; }));
  kill(CompilerPid(), SIGKILL);
  EXPECT_TRUE(pending.result.get().code.ok());
  EXPECT_EQ(Logged("start"), 2);
  EXPECT_EQ(service->stats().crashes, 1u);

  EXPECT_TRUE(Compile(*service, "die-once " + marker()).code.ok());
  const CompileResult result = Compile(*service, "die");
  EXPECT_TRUE(absl::IsInternal(result.code.status()));
  EXPECT_NE(result.code.status().message().find("SIGKILL"), std::string::npos)
      << result.code.status();
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
}

TEST_F(CompileServiceFaultTest, TheProcessKilledWhileIdle) {
  auto service = Create(Options());
  EXPECT_TRUE(Compile(*service, "ok 1").code.ok());
  kill(CompilerPid(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return service->stats().crashes == 1; }));
  EXPECT_EQ(Logged("start"), 1) << "started again without a request";
  EXPECT_TRUE(Compile(*service, "ok 2").code.ok());
  EXPECT_EQ(Logged("start"), 2);
}

TEST_F(CompileServiceFaultTest, AProcessThatDiesAtItsStart) {
  auto service = Create(Options("die"));
  const CompileResult result = Compile(*service, "ok");
  EXPECT_TRUE(absl::IsInternal(result.code.status()));
  EXPECT_NE(result.code.status().message().find("exited with code 7"), std::string::npos)
      << result.code.status();
  EXPECT_EQ(Logged("start"), 2);
  auto lucky = Create(Options("die-once:" + marker()));
  EXPECT_TRUE(Compile(*lucky, "ok").code.ok());
}

TEST_F(CompileServiceFaultTest, AProcessOfAnotherBuild) {
  auto service = Create(Options("wrong-build"));
  const CompileResult result = Compile(*service, "ok");
  EXPECT_TRUE(absl::IsFailedPrecondition(result.code.status()));
  EXPECT_NE(result.code.status().message().find("another build"), std::string::npos);
  EXPECT_EQ(Logged("start"), 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(Compile(*service, "ok").code.status()));
}

TEST_F(CompileServiceFaultTest, AProcessThatSaysSomethingElse) {
  auto service = Create(Options("garbage"));
  EXPECT_TRUE(absl::IsInternal(Compile(*service, "ok").code.status()));
  EXPECT_EQ(Logged("start"), 2);
}

TEST_F(CompileServiceFaultTest, AProcessThatNeverGetsReady) {
  CompileServiceOptions options = Options("silent");
  options.start_timeout_ms = 1'500;  // a sanitizer needs a quarter of a second to begin
  auto service = Create(options);
  const CompileResult result = Compile(*service, "ok");
  EXPECT_FALSE(result.code.ok());
  EXPECT_NE(result.code.status().message().find("not ready"), std::string::npos);
  EXPECT_EQ(Logged("start"), 2);
}

TEST_F(CompileServiceFaultTest, ACompileThatHangsEndsInTime) {
  CompileServiceOptions options = Options();
  options.grace_ms = 100;
  auto service = Create(options);
  Compile(*service, "ok");
  for (const std::string mode : {"hang", "stop"}) {
    proto::CompileRequest request = Request(mode);
    request.set_timeout_ms(100);
    const CompileResult result = Compile(*service, request);
    EXPECT_TRUE(absl::IsDeadlineExceeded(result.code.status())) << result.code.status();
    EXPECT_GE(result.duration_ns, 100'000'000u);
    EXPECT_LT(result.duration_ns, 5'000'000'000u);
    const auto detail = GetErrorDetail(result.code.status());
    ASSERT_TRUE(detail.has_value());
    EXPECT_EQ(detail->timeout().what(), "compile");
    EXPECT_EQ(Logged(" " + mode), 1) << "a timeout is not tried again";
  }
  EXPECT_TRUE(Compile(*service, "ok after").code.ok());
}

TEST_F(CompileServiceFaultTest, AHangingCompileDoesNotTakeItsNeighbourWithIt) {
  CompileServiceOptions options = Options();
  options.grace_ms = 100;
  options.max_parallel = 4;
  auto service = Create(options);
  Compile(*service, "ok");
  proto::CompileRequest request = Request("hang");
  request.set_timeout_ms(100);
  Pending neighbour = Start(*service, Request("slow 600"));
  Pending hanging = Start(*service, request);
  EXPECT_TRUE(absl::IsDeadlineExceeded(hanging.result.get().code.status()));
  EXPECT_TRUE(neighbour.result.get().code.ok());
}

TEST_F(CompileServiceFaultTest, NoSuchCompiler) {
  CompileServiceOptions options = Options();
  options.compiler_path = directory_.Path("nothing");
  EXPECT_FALSE(CompileService::Create(options).ok());
}

TEST_F(CompileServiceFaultTest, TheCompilerIsRemovedLater) {
  const std::string copy = directory_.Path("compiler");
  std::filesystem::copy_file(FAKE_COMPILER, copy);
  CompileServiceOptions options = Options();
  options.compiler_path = copy;
  auto service = Create(options);
  std::filesystem::remove(copy);
  const CompileResult result = Compile(*service, "ok");
  EXPECT_TRUE(absl::IsNotFound(result.code.status())) << result.code.status();
}

TEST_F(CompileServiceFaultTest, OutOfDescriptorsThenNot) {
  CompileServiceOptions options = Options();
  options.use_disk = false;
  auto service = Create(options);
  for (const bool started : {false, true}) {
    if (started) {
      ASSERT_TRUE(Compile(*service, "ok first").code.ok());
    }
    std::vector<UniqueFd> hoard;
    rlimit old_limit;
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old_limit), 0);
    rlimit low = old_limit;
    low.rlim_cur = 64;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (true) {
      UniqueFd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd.valid()) break;
      hoard.push_back(std::move(fd));
    }
    const CompileResult result = Compile(*service, "ok then");
    EXPECT_TRUE(absl::IsResourceExhausted(result.code.status())) << result.code.status();
    hoard.clear();
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old_limit), 0);
  }
  EXPECT_TRUE(Compile(*service, "ok then").code.ok());
}

TEST_F(CompileServiceFaultTest, ACacheDirectoryThatCannotBeMade) {
  CompileServiceOptions options = Options();
  WriteFile(directory_.Path("file"), "");
  options.cache_dir = directory_.Path("file/cache");
  auto service = Create(options);
  EXPECT_EQ(service->cache_dir(), "");
  EXPECT_FALSE(service->cache_status().ok());
  EXPECT_EQ(service->stats().disk_errors, 1u);
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
}

TEST_F(CompileServiceFaultTest, CorruptEntriesAreCompiledAgainAndRewritten) {
  Compile(*Create(Options()), "ok");
  ASSERT_EQ(EntryFiles(cache_dir()).size(), 1u);
  const std::string file = EntryFiles(cache_dir())[0];
  const std::string bytes = ReadFile(file);
  WriteFile(file, bytes.substr(0, bytes.size() - 1));
  {
    auto service = Create(Options());
    EXPECT_EQ(Compile(*service, "ok").origin, CodeOrigin::kCompiled);
    EXPECT_EQ(service->stats().disk_errors, 1u);
  }
  EXPECT_EQ(Compile(*Create(Options()), "ok").origin, CodeOrigin::kDisk);
}

}  // namespace
}  // namespace amdgpu
