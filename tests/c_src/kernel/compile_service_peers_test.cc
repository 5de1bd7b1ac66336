// The compile service beside others on one cache directory, in processes of their own: who
// compiles, who waits, and what ends the wait.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/c_src/kernel/compile_service_fixture.h"

namespace amdgpu {
namespace {

class PeersTest : public CompileServiceTest {
 protected:
  ~PeersTest() override {
    for (const pid_t pid : peers_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }

  // A process that compiles `source` and ends with 0 if that went well.
  pid_t StartPeer(const std::string& source) {
    const pid_t pid = fork();
    if (pid == 0) {
      auto service = Create(Options());
      const bool good = Compile(*service, source).code.ok();
      service.reset();  // who has asked is answered before the entry is stored
      _exit(good ? 0 : 1);
    }
    peers_.push_back(pid);
    return pid;
  }

  // Its exit code; -1 if it was killed.
  int Join(pid_t pid) {
    std::erase(peers_, pid);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // One that is at a compile which does not end. Only the first process to try hangs.
  pid_t StartHangingPeer() {
    const pid_t pid = StartPeer(hangs_once());
    EXPECT_TRUE(Eventually([this] { return Logged("hang-once") == 1; }));
    return pid;
  }

  std::string hangs_once() const { return "hang-once " + marker(); }

 private:
  std::vector<pid_t> peers_;
};

TEST_F(PeersTest, TheSameSourceAtTheSameTimeCompilesOnce) {
  std::vector<pid_t> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(StartPeer("slow 500"));
  for (const pid_t pid : peers) EXPECT_EQ(Join(pid), 0);
  EXPECT_EQ(Logged("slow 500"), 1);
}

TEST_F(PeersTest, WhoWaitsFindsTheCodeOnDisk) {
  const pid_t peer = StartPeer("slow 300");
  ASSERT_TRUE(Eventually([this] { return Logged("slow 300") == 1; }));
  auto service = Create(Options());
  const CompileResult result = Compile(*service, "slow 300");
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(result.origin, CodeOrigin::kDisk);
  EXPECT_EQ((*result.code)->bytes, "code of slow 300");
  EXPECT_EQ(Logged("slow 300"), 1);
  EXPECT_EQ(Join(peer), 0);
}

TEST_F(PeersTest, AnotherSourceDoesNotWait) {
  StartHangingPeer();
  auto service = Create(Options());
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
}

TEST_F(PeersTest, WhatAKilledProcessWasAtIsCompiledByWhoWaits) {
  const pid_t peer = StartHangingPeer();
  auto service = Create(Options());
  Pending pending = Start(*service, Request(hangs_once()));
  // As long as the peer lives nobody else compiles it.
  EXPECT_EQ(pending.result.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  EXPECT_EQ(Logged("hang-once"), 1);
  kill(peer, SIGKILL);
  EXPECT_EQ(Join(peer), -1);
  const CompileResult result = pending.result.get();
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(result.origin, CodeOrigin::kCompiled);
  EXPECT_EQ(Logged("hang-once"), 2);
}

TEST_F(PeersTest, WhatAnotherCouldNotCompileIsToldToEach) {
  for (const pid_t pid : {StartPeer("error"), StartPeer("error")}) EXPECT_EQ(Join(pid), 1);
  EXPECT_EQ(Logged(" error"), 2);
}

TEST_F(PeersTest, AStuckProcessCostsHalfTheTimeout) {
  StartHangingPeer();
  auto service = Create(Options());
  proto::CompileRequest request = Request(hangs_once());
  request.set_timeout_ms(600);
  const CompileResult result = Compile(*service, request);
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(result.origin, CodeOrigin::kCompiled);
  EXPECT_GE(result.duration_ns, 300'000'000u);
}

TEST_F(PeersTest, WhoWaitsCanBeCancelled) {
  StartHangingPeer();
  auto service = Create(Options());
  Pending pending = Start(*service, Request(hangs_once()));
  EXPECT_EQ(pending.result.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_TRUE(service->Cancel(pending.id));
  EXPECT_TRUE(absl::IsCancelled(pending.result.get().code.status()));
  EXPECT_EQ(Logged("hang-once"), 1);
}

TEST_F(PeersTest, WhoWaitsCanBeDestroyed) {
  StartHangingPeer();
  auto service = Create(Options());
  Pending pending = Start(*service, Request(hangs_once()));
  EXPECT_EQ(pending.result.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  service.reset();
  EXPECT_TRUE(absl::IsCancelled(pending.result.get().code.status()));
}

TEST_F(PeersTest, ACancelledCompileIsLeftToWhoWaits) {
  auto first = Create(Options());
  auto second = Create(Options());
  Pending cancelled = Start(*first, Request(hangs_once()));
  ASSERT_TRUE(Eventually([this] { return Logged("hang-once") == 1; }));
  Pending waiting = Start(*second, Request(hangs_once()));
  EXPECT_TRUE(first->Cancel(cancelled.id));
  EXPECT_TRUE(waiting.result.get().code.ok());
  EXPECT_EQ(Logged("hang-once"), 2);
}

TEST_F(PeersTest, WithoutLocksEverybodyCompiles) {
  std::filesystem::create_directories(cache_dir() + "/code-1/.locks");
  StartHangingPeer();
  auto service = Create(Options());
  EXPECT_EQ(Compile(*service, hangs_once()).origin, CodeOrigin::kCompiled);
  EXPECT_EQ(service->stats().disk_errors, 0u);
}

TEST_F(PeersTest, RemovedLocksAreMadeAgain) {
  auto first = Create(Options());
  EXPECT_TRUE(Compile(*first, "ok").code.ok());
  EXPECT_TRUE(std::filesystem::remove(cache_dir() + "/code-1/.locks"));
  Pending pending = Start(*first, Request("slow 300"));
  ASSERT_TRUE(Eventually([this] { return Logged("slow 300") == 1; }));
  EXPECT_EQ(Compile(*Create(Options()), "slow 300").origin, CodeOrigin::kDisk);
  EXPECT_TRUE(pending.result.get().code.ok());
  EXPECT_EQ(Logged("slow 300"), 1);
}

}  // namespace
}  // namespace amdgpu
