// The compile service with a fake compiler: hits, joins, cancels, what is shared between services.

#include "c_src/kernel/compile_service.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "c_src/base/error.h"
#include "tests/c_src/kernel/compile_service_fixture.h"

namespace amdgpu {
namespace {

TEST_F(CompileServiceTest, CompilesThenHitsMemoryThenDisk) {
  auto service = Create(Options());
  EXPECT_EQ(service->cache_dir(), cache_dir());
  EXPECT_EQ(service->Lookup(Request("ok 1")), nullptr);
  EXPECT_EQ(Logged("start"), 0) << "a process was started before it was needed";

  const CompileResult first = Compile(*service, "ok 1");
  ASSERT_TRUE(first.code.ok()) << first.code.status();
  EXPECT_EQ(first.origin, CodeOrigin::kCompiled);
  EXPECT_EQ((*first.code)->bytes, "code of ok 1");
  EXPECT_EQ((*first.code)->key.size(), 64u);
  EXPECT_GT(first.duration_ns, 0u);

  const CompileResult second = Compile(*service, "ok 1");
  EXPECT_EQ(second.origin, CodeOrigin::kMemory);
  EXPECT_EQ(*second.code, *first.code);
  EXPECT_EQ(service->Lookup(Request("ok 1")), *first.code);

  service->Clear(false);
  const CompileResult third = Compile(*service, "ok 1");
  EXPECT_EQ(third.origin, CodeOrigin::kDisk);
  EXPECT_EQ((*third.code)->bytes, "code of ok 1");
  EXPECT_EQ((*third.code)->key, (*first.code)->key);

  service->Clear(true);
  EXPECT_EQ(Compile(*service, "ok 1").origin, CodeOrigin::kCompiled);

  const CompileServiceStats stats = service->stats();
  EXPECT_EQ(stats.compiled, 2u);
  EXPECT_EQ(stats.memory_hits, 2u);
  EXPECT_EQ(stats.disk_hits, 1u);
  EXPECT_EQ(stats.failed + stats.joined + stats.crashes + stats.disk_errors, 0u);
  EXPECT_EQ(Logged("start"), 1);
}

TEST_F(CompileServiceTest, ADiskHitNeedsNoCompiler) {
  Compile(*Create(Options()), "ok");
  auto service = Create(Options("die"));
  const CompileResult result = Compile(*service, "ok");
  ASSERT_TRUE(result.code.ok()) << result.code.status();
  EXPECT_EQ(result.origin, CodeOrigin::kDisk);
  EXPECT_EQ(Logged("start"), 1);
}

TEST_F(CompileServiceTest, CodeOfAnotherCompilerVersionIsNotUsedOnceItIsKnown) {
  Compile(*Create(Options()), "ok 1");
  CompileServiceOptions options = Options();
  options.compiler_args.push_back("--version=fake 2");
  auto service = Create(options);
  EXPECT_EQ(Compile(*service, "ok 2").origin, CodeOrigin::kCompiled);
  EXPECT_EQ(Compile(*service, "ok 1").origin, CodeOrigin::kCompiled);
  service->Clear(false);
  EXPECT_EQ(Compile(*service, "ok 1").origin, CodeOrigin::kDisk);
  EXPECT_EQ(service->stats().disk_errors, 0u);
}

TEST_F(CompileServiceTest, WarningsComeWithTheCodeFromEveryOrigin) {
  auto service = Create(Options());
  for (const CodeOrigin origin : {CodeOrigin::kCompiled, CodeOrigin::kMemory, CodeOrigin::kDisk}) {
    if (origin == CodeOrigin::kDisk) service->Clear(false);
    const CompileResult result = Compile(*service, "warn");
    ASSERT_TRUE(result.code.ok()) << result.code.status();
    EXPECT_EQ(result.origin, origin);
    ASSERT_EQ((*result.code)->warnings.size(), 1u);
    EXPECT_EQ((*result.code)->warnings[0].message(), "unused variable 'x'");
  }
}

TEST_F(CompileServiceTest, ASourceErrorIsDataAndIsNotTriedAgain) {
  auto service = Create(Options());
  const CompileResult result = Compile(*service, "error");
  EXPECT_TRUE(absl::IsInvalidArgument(result.code.status()));
  EXPECT_EQ(result.code.status().message(),
            "kernel.hip:3:10: error: use of undeclared identifier 'foo'\n"
            "    3 |   x[i] = foo;\n"
            "      |          ^");
  const auto detail = GetErrorDetail(result.code.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->compile().outcome(), proto::CompileReply::SOURCE_ERROR);
  EXPECT_EQ(detail->compile().diagnostics(0).column(), 10u);
  EXPECT_EQ(Logged(" error"), 1);
  EXPECT_EQ(service->stats().failed, 1u);
  EXPECT_TRUE(EntryFiles(cache_dir()).empty());
}

TEST_F(CompileServiceTest, OtherOutcomes) {
  auto service = Create(Options());
  EXPECT_TRUE(absl::IsResourceExhausted(Compile(*service, "memory").code.status()));
  EXPECT_TRUE(absl::IsResourceExhausted(Compile(*service, "output").code.status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Compile(*service, "refuse").code.status()));
  EXPECT_TRUE(absl::IsDeadlineExceeded(Compile(*service, "timeout").code.status()));
  EXPECT_EQ(service->stats().failed, 4u);
}

TEST_F(CompileServiceTest, WhatIsNotTextIsRefusedBeforeAnythingElse) {
  auto service = Create(Options());
  const CompileResult result = Compile(*service, "ok \xff");
  EXPECT_TRUE(absl::IsInvalidArgument(result.code.status()));
  EXPECT_EQ(result.code.status().message(), "kernel.hip: the source is not valid UTF-8 (line 1)");
  EXPECT_EQ(Logged("start"), 0);
}

TEST_F(CompileServiceTest, TheSameSourceAtTheSameTimeCompilesOnce) {
  auto service = Create(Options());
  constexpr int kThreads = 8, kEach = 10;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      std::vector<Pending> all;
      for (int i = 0; i < kEach; ++i) all.push_back(Start(*service, Request("slow 300")));
      for (Pending& one : all) {
        const CompileResult result = one.result.get();
        if (result.code.ok() && (*result.code)->bytes == "code of slow 300") ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, kThreads * kEach);
  EXPECT_EQ(Logged("slow 300"), 1);
  const CompileServiceStats stats = service->stats();
  EXPECT_EQ(stats.compiled, 1u);
  EXPECT_EQ(stats.joined + stats.memory_hits, static_cast<std::uint64_t>(kThreads * kEach - 1));
}

TEST_F(CompileServiceTest, ManySourcesFromManyThreads) {
  CompileServiceOptions options = Options();
  options.memory_limit_bytes = 4000;  // a few entries
  auto service = Create(options);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const std::string source = "ok " + std::to_string((i * 7 + t) % 20);
        const CompileResult result = Compile(*service, source);
        if (!result.code.ok() || (*result.code)->bytes != "code of " + source) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(service->stats().compiled, 20u);
}

TEST_F(CompileServiceTest, NoMoreAtOnceThanAskedFor) {
  CompileServiceOptions options = Options();
  options.max_parallel = 2;
  auto service = Create(options);
  const auto start = std::chrono::steady_clock::now();
  std::vector<Pending> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(Start(*service, Request("slow 100 " + std::to_string(i))));
  }
  for (Pending& one : all) EXPECT_TRUE(one.result.get().code.ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
}

TEST_F(CompileServiceTest, CancelKillsTheChildWhenNobodyElseWaits) {
  auto service = Create(Options());
  Pending only = Start(*service, Request("hang"));
  ASSERT_TRUE(Eventually([&] { return Logged("hang") == 1; }));
  EXPECT_TRUE(service->Cancel(only.id));
  EXPECT_FALSE(service->Cancel(only.id));
  EXPECT_TRUE(absl::IsCancelled(only.result.get().code.status()));
  EXPECT_TRUE(Eventually([&] { return Logged("killed") == 1; }));
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
  EXPECT_EQ(Logged("start"), 1) << "the compiler process had to go as well";
}

TEST_F(CompileServiceTest, CancelOfOneLeavesTheOthersTheirCompile) {
  auto service = Create(Options());
  Pending first = Start(*service, Request("slow 300"));
  Pending second = Start(*service, Request("slow 300"));
  EXPECT_TRUE(service->Cancel(first.id));
  EXPECT_TRUE(absl::IsCancelled(first.result.get().code.status()));
  EXPECT_TRUE(second.result.get().code.ok());
  EXPECT_FALSE(service->Cancel(second.id));
  EXPECT_FALSE(service->Cancel(12345));
  EXPECT_EQ(Logged("killed"), 0);
}

TEST_F(CompileServiceTest, ACancelledSourceCanBeAskedForAgainAtOnce) {
  auto service = Create(Options());
  for (int i = 0; i < 20; ++i) {
    Pending cancelled = Start(*service, Request("slow 50"));
    EXPECT_TRUE(service->Cancel(cancelled.id));
    EXPECT_TRUE(absl::IsCancelled(cancelled.result.get().code.status()));
  }
  EXPECT_TRUE(Compile(*service, "slow 50").code.ok());
}

TEST_F(CompileServiceTest, CancelRacesWithTheResult) {
  auto service = Create(Options());
  for (int i = 0; i < 60; ++i) {
    Pending one = Start(*service, Request("ok " + std::to_string(i)));
    std::this_thread::sleep_for(std::chrono::microseconds(i * 100));
    const bool cancelled = service->Cancel(one.id);
    EXPECT_EQ(absl::IsCancelled(one.result.get().code.status()), cancelled);
  }
}

TEST_F(CompileServiceTest, DestructionAnswersEverybody) {
  std::vector<Pending> all;
  {
    auto service = Create(Options());
    for (int i = 0; i < 10; ++i) {
      all.push_back(Start(*service, Request("hang " + std::to_string(i % 5))));
    }
    ASSERT_TRUE(Eventually([&] { return Logged("hang") >= 1; }));
  }
  for (Pending& one : all) EXPECT_TRUE(absl::IsCancelled(one.result.get().code.status()));
  for (const std::string& line : LogLines()) {
    // "start PID", "killed PID" or "PID SOURCE"
    const pid_t pid = std::stoi(line.substr(line.find_first_of("0123456789")));
    EXPECT_TRUE(Eventually([pid] { return kill(pid, 0) != 0; })) << line;
  }
}

TEST_F(CompileServiceTest, MayBeDestroyedInACallback) {
  auto service = Create(Options());
  CompileService* const raw = service.get();
  std::promise<void> gone;
  raw->Compile(Request("ok"), [&](CompileResult) {
    service.reset();
    gone.set_value();
  });
  gone.get_future().wait();
}

TEST_F(CompileServiceTest, TwoServicesOnOneDirectory) {
  constexpr int kSources = 30;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      CompileServiceOptions options = Options();
      options.memory_limit_bytes = 0;
      options.disk_limit_bytes = 16 << 10;  // some evictions
      auto service = Create(options);
      for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < kSources; ++i) {
          const std::string source = "ok " + std::to_string(i);
          const CompileResult result = Compile(*service, source);
          if (!result.code.ok() || (*result.code)->bytes != "code of " + source) ++wrong;
        }
      }
      if (service->stats().disk_errors != 0) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CompileServiceTest, WarmStartsTheProcessAhead) {
  auto service = Create(Options());
  service->Warm();
  EXPECT_TRUE(Eventually([&] { return Logged("start") == 1; }));
  service->Warm();
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
  EXPECT_EQ(Logged("start"), 1);
}

TEST_F(CompileServiceTest, WithoutADisk) {
  CompileServiceOptions options = Options();
  options.use_disk = false;
  auto service = Create(options);
  EXPECT_EQ(service->cache_dir(), "");
  EXPECT_TRUE(service->cache_status().ok());
  EXPECT_TRUE(Compile(*service, "ok").code.ok());
  EXPECT_TRUE(EntryFiles(cache_dir()).empty());
}

}  // namespace
}  // namespace amdgpu
