// Unit: the compiler process: what it survives, what it limits, and that it leaves nothing behind.

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "c_src/base/build_id.h"
#include "c_src/base/spawn.h"
#include "c_src/base/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/code_object.pb.h"
#include "tests/gpu/compiler_process/zygote_client.h"

namespace amdgpu::hostcc {
namespace {

using compiler_process::ZygoteClient;
using proto::CompileReply;
using testing::HasSubstr;

constexpr char kKernel[] = "extern \"C\" __global__ void k(float* x) { x[threadIdx.x] += 1; }\n";

// Compiles for many minutes, in clang's constant evaluator, in little memory.
std::string EndlessSource() {
  std::string source =
      "constexpr int f(int n) { int s = 0; for (int i = 0; i < n; ++i) s ^= i; "
      "return s; }\n";
  for (int i = 0; i < 20'000; ++i) {
    source += "static_assert(f(200000) != " + std::to_string(i) + "12345, \"\");\n";
  }
  return source + kKernel;
}

// Needs gigabytes: a template with half a billion arguments.
[[maybe_unused]] std::string HugeSource() {
  return "template <class T, T... values> struct Pack {};\n"
         "__make_integer_seq<Pack, int, 500'000'000> huge;\n" +
         std::string(kKernel);
}

proto::CompileRequest Request(const std::string& source) {
  proto::CompileRequest request;
  request.set_source(source);
  request.set_optimization(3);
  return request;
}

class ZygoteTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { shared_ = new ZygoteClient(AMDGPU_COMPILER_PATH); }
  static void TearDownTestSuite() {
    EXPECT_EQ(shared_->End(), 0);
    delete shared_;
  }
  // Every test leaves the zygote working and without children.
  void TearDown() override {
    EXPECT_EQ(shared_->Compile(kKernel).outcome(), CompileReply::OK);
    EXPECT_TRUE(shared_->WaitForChildren(0));
  }
  ZygoteClient& zygote() { return *shared_; }

 private:
  static ZygoteClient* shared_;
};
ZygoteClient* ZygoteTest::shared_ = nullptr;

TEST_F(ZygoteTest, SaysHello) {
  EXPECT_EQ(zygote().hello().build_id(), std::string(BuildId()));
  EXPECT_THAT(zygote().hello().version(), HasSubstr("clang 19"));
  EXPECT_FALSE(zygote().hello().target_cpu().empty());
}

TEST_F(ZygoteTest, Compiles) {
  const CompileReply reply = zygote().Compile(kKernel);
  EXPECT_EQ(reply.outcome(), CompileReply::OK);
  EXPECT_GT(reply.duration_ns(), 0u);
  proto::HostCodeObject code;
  ASSERT_TRUE(code.ParseFromString(reply.code_object()));
  EXPECT_EQ(code.kernels_size(), 1);
}

TEST_F(ZygoteTest, ASourceErrorIsAReply) {
  const CompileReply reply = zygote().Compile("__global__ void k() { oops; }");
  EXPECT_EQ(reply.outcome(), CompileReply::SOURCE_ERROR);
  EXPECT_EQ(reply.diagnostics_size(), 1);
}

TEST_F(ZygoteTest, RefusesAnotherBuild) {
  proto::CompileRequest request = Request(kKernel);
  request.set_build_id("another");
  const CompileReply reply = zygote().Compile(request);
  EXPECT_EQ(reply.outcome(), CompileReply::REFUSED);
  EXPECT_THAT(reply.message(), HasSubstr("another"));
}

TEST_F(ZygoteTest, RefusesWhatIsNoRequest) {
  for (const std::string& bytes :
       {std::string("\x03\0\0\0abc", 7), std::string("\xff\xff\xff\xff", 4),
        std::string("\x05\0\0\0\x12\x03\xff\xfe\xfd", 9)}) {
    const auto reply = ZygoteClient::Wait(zygote().StartRaw(bytes));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->outcome(), CompileReply::REFUSED);
  }
}

TEST_F(ZygoteTest, AByteWithoutAConnectionIsIgnored) {
  zygote().SendRaw(-1);
  EXPECT_EQ(zygote().Compile(kKernel).outcome(), CompileReply::OK);
}

TEST_F(ZygoteTest, AHalfSentRequestLeavesNothing) {
  UniqueFd connection = zygote().StartRaw(std::string("\x40\0\0\0half", 8));
  EXPECT_TRUE(zygote().WaitForChildren(1));
  connection.reset();
  EXPECT_TRUE(zygote().WaitForChildren(0));
}

TEST_F(ZygoteTest, TheTimeLimitHolds) {
  proto::CompileRequest request = Request(EndlessSource());
  request.set_timeout_ms(300);
  const auto begin = std::chrono::steady_clock::now();
  const CompileReply reply = zygote().Compile(request);
  EXPECT_EQ(reply.outcome(), CompileReply::TIMED_OUT);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

#ifndef AMDGPU_SANITIZED
TEST_F(ZygoteTest, TheMemoryLimitHolds) {
  proto::CompileRequest request = Request(HugeSource());
  request.set_memory_bytes(256u << 20);
  request.set_timeout_ms(60'000);
  EXPECT_EQ(zygote().Compile(request).outcome(), CompileReply::OUT_OF_MEMORY);
}
#endif

TEST_F(ZygoteTest, ATenMegabyteSourceCompiles) {
  std::string source = kKernel;
  while (source.size() < 10u << 20) source += "// a comment that goes on and on and on and on\n";
  proto::CompileRequest request = Request(source);
  request.set_timeout_ms(60'000);
  EXPECT_EQ(zygote().Compile(request).outcome(), CompileReply::OK);
}

TEST_F(ZygoteTest, ManyNestedParenthesesCrashNothing) {
  std::string source = "extern \"C\" __global__ void k(int* x) {\n";
  for (int i = 0; i < 1000; ++i) {
    source += "x[" + std::to_string(i) + "] = " + std::string(100, '(') + "x[0]" +
              std::string(100, ')') + ";\n";
  }
  proto::CompileRequest request = Request(source + "}");
  request.set_timeout_ms(60'000);
  const CompileReply reply = zygote().Compile(request);
  EXPECT_EQ(reply.outcome(), CompileReply::OK) << reply.message();
}

TEST_F(ZygoteTest, AKilledChildIsReported) {
  const UniqueFd connection = zygote().Start(Request(EndlessSource()));
  ASSERT_TRUE(zygote().WaitForChildren(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  for (pid_t child : zygote().Children()) kill(child, SIGSEGV);
  const auto reply = ZygoteClient::Wait(connection);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->outcome(), CompileReply::CRASHED);
  EXPECT_EQ(reply->signal(), SIGSEGV);
  EXPECT_THAT(reply->message(), HasSubstr("SIGSEGV"));
}

TEST_F(ZygoteTest, HangingUpCancels) {
  UniqueFd connection = zygote().Start(Request(EndlessSource()));
  ASSERT_TRUE(zygote().WaitForChildren(1));
  connection.reset();
  EXPECT_TRUE(zygote().WaitForChildren(0));
}

TEST_F(ZygoteTest, AClientThatDoesNotReadBlocksNobody) {
  std::vector<UniqueFd> connections;
  for (int i = 0; i < 4; ++i) {
    connections.push_back(zygote().Start(Request("__global__ void k() { oops; }")));
  }
  EXPECT_EQ(zygote().Compile(kKernel).outcome(), CompileReply::OK);
}

TEST_F(ZygoteTest, CompilesInParallel) {
  std::vector<UniqueFd> connections;
  for (int i = 0; i < 16; ++i) {
    connections.push_back(zygote().Start(
        Request("extern \"C\" __global__ void k" + std::to_string(i) + "(int* x) { x[0] = 1; }")));
  }
  for (int i = 0; i < 16; ++i) {
    const auto reply = ZygoteClient::Wait(connections[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(reply.has_value());
    ASSERT_EQ(reply->outcome(), CompileReply::OK);
    proto::HostCodeObject code;
    ASSERT_TRUE(code.ParseFromString(reply->code_object()));
    EXPECT_EQ(code.kernels(0).name(), "k" + std::to_string(i));
  }
}

TEST_F(ZygoteTest, AChildIsConfined) {
  const UniqueFd connection = zygote().Start(Request(EndlessSource()));
  ASSERT_TRUE(zygote().WaitForChildren(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const std::vector<pid_t> children = zygote().Children();
  ASSERT_EQ(children.size(), 1u);
  std::ifstream status("/proc/" + std::to_string(children[0]) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  EXPECT_THAT(text, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(text, HasSubstr("NoNewPrivs:\t1"));
  std::ifstream file("/proc/" + std::to_string(children[0]) + "/limits");
  const std::string limits((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(limits, testing::ContainsRegex("Max open files +0 "));
  EXPECT_THAT(limits, testing::ContainsRegex("Max file size +0 "));
}

// On compilers of their own.

TEST(Zygote, EndsWithItsControlSocketAndTakesItsChildrenAlong) {
  ZygoteClient zygote(AMDGPU_COMPILER_PATH);
  const UniqueFd connection = zygote.Start(Request(EndlessSource()));
  ASSERT_TRUE(zygote.WaitForChildren(1));
  const pid_t child = zygote.Children().front();
  EXPECT_EQ(zygote.End(), 0);
  EXPECT_EQ(kill(child, 0), -1);
}

TEST(Zygote, EndsWithoutAWordWhenNobodyWaitsForIt) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd theirs(ends[1]);
  UniqueFd ours(ends[0]);
  SpawnOptions options;
  options.path = AMDGPU_COMPILER_PATH;
  options.fds = {theirs.get()};
  const absl::StatusOr<ChildProcess> compiler = Spawn(options);
  ours.reset();
  ASSERT_TRUE(compiler.ok()) << compiler.status();
  int status = -1;
  ASSERT_EQ(waitpid(compiler->pid, &status, 0), compiler->pid);
  EXPECT_EQ(status, 0);
}

TEST(Zygote, ItsChildrenDieWithIt) {
  ZygoteClient zygote(AMDGPU_COMPILER_PATH);
  const UniqueFd connection = zygote.Start(Request(EndlessSource()));
  ASSERT_TRUE(zygote.WaitForChildren(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  kill(zygote.pid(), SIGKILL);
  EXPECT_FALSE(ZygoteClient::Wait(connection).has_value());
}

TEST(Zygote, IdleItUsesNoTime) {
  ZygoteClient zygote(AMDGPU_COMPILER_PATH);
  EXPECT_EQ(zygote.Compile(kKernel).outcome(), CompileReply::OK);
  ASSERT_TRUE(zygote.WaitForChildren(0));
  auto switches = [&] {
    std::ifstream status("/proc/" + std::to_string(zygote.pid()) + "/status");
    const std::string text((std::istreambuf_iterator<char>(status)), {});
    const std::size_t at = text.find("\nvoluntary_ctxt_switches");
    return text.substr(at, text.find('\n', at + 1) - at);
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // back to its poll after the child
  const std::string before = switches();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(switches(), before);
}

}  // namespace
}  // namespace amdgpu::hostcc
