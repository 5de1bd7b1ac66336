// The gateway as its clients see it.

#include "telemetry/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/telemetry.pb.h"
#include "tests/telemetry/gateway/fixture.h"

extern char** environ;

namespace amdgpu::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kJoinJson[] =
    R"(["1","2","gpu:telemetry","phx_join",{"encoding":"json","rate":1000}])";

TEST_F(GatewayTest, AClientJoinsAndGetsEveryFrame) {
  StartAttached();
  const auto client = Join(R"(["1","2","gpu:telemetry","phx_join",{"rate":1000}])");
  EXPECT_EQ(Sequence(client->Receive()), 1u);  // the present, at once
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::uint64_t sequence = runtime_->Publish(2000);
    ASSERT_EQ(Sequence(client->Receive()), sequence);
  }
}

TEST_F(GatewayTest, JsonLaunchesAndLostDevices) {
  StartAttached();
  const auto client = Join(kJoinJson);
  EXPECT_THAT(client->Receive().data,
              StartsWith(R"(["1",null,"gpu:telemetry","telemetry_update",{"sequence":"1",)"));
  proto::Event lost;
  lost.set_kind(proto::Event::KIND_DEVICE_LOST);
  lost.set_device(4);
  lost.set_message("SIGSEGV");
  runtime_->Publish(0, {lost}, 2);
  const WsMessage first = client->Receive();
  EXPECT_TRUE(first.text());
  EXPECT_THAT(first.data, StartsWith(R"(["1",null,"gpu:telemetry","device_lost",{"device":4,)"));
  EXPECT_THAT(
      client->Receive().data,
      StartsWith(R"(["1",null,"gpu:telemetry","kernel_launched",{"sequence":2,"count":2,)"));
  EXPECT_THAT(client->Receive().data, HasSubstr(R"("telemetry_update",{"sequence":"2")"));
}

TEST_F(GatewayTest, HeartbeatLeaveAndJoinAgain) {
  StartAttached();
  const auto client = Join(kJoin);
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  client->SendText(R"([null,"3","phoenix","heartbeat",{}])");
  EXPECT_EQ(client->Receive().data,
            R"([null,"3","phoenix","phx_reply",{"status":"ok","response":{}}])");
  client->SendText(R"(["1","4","gpu:telemetry","phx_leave",{}])");
  EXPECT_THAT(client->Receive().data, HasSubstr(R"(["1","4","gpu:telemetry","phx_reply")"));
  EXPECT_EQ(client->Receive().data, R"(["1","1","gpu:telemetry","phx_close",{}])");
  runtime_->Publish();
  AwaitMetric("gpu_gateway_frames_total", 2);
  EXPECT_EQ(client->Receive(50).opcode, -2);
  client->SendText(kJoinJson);
  EXPECT_THAT(client->Receive().data, HasSubstr("phx_reply"));
  EXPECT_THAT(client->Receive().data, HasSubstr(R"("telemetry_update",{"sequence":"2")"));
  // Again without having left.
  client->SendText(R"(["7","7","gpu:telemetry","phx_join",{"encoding":"json"}])");
  EXPECT_EQ(client->Receive().data, R"(["1","1","gpu:telemetry","phx_close",{}])");
  EXPECT_THAT(client->Receive().data, StartsWith(R"(["7","7","gpu:telemetry","phx_reply")"));
  EXPECT_THAT(client->Receive().data, StartsWith(R"(["7",null,"gpu:telemetry","telemetry_upd)"));
  AwaitMetric("gpu_gateway_subscribers", 1);
}

TEST_F(GatewayTest, WhatCannotBeJoinedIsAnErrorReply) {
  Start();
  Client client(port());
  ASSERT_THAT(client.Upgrade(), StartsWith("HTTP/1.1 101"));
  client.SendText(R"(["1","1","room:lobby","phx_join",{}])");
  EXPECT_EQ(
      client.Receive().data,
      R"(["1","1","room:lobby","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}])");
  client.SendText(R"(["1","2","gpu:telemetry","phx_join",{"encoding":"xml"}])");
  EXPECT_THAT(client.Receive().data, HasSubstr(R"("status":"error")"));
}

TEST_F(GatewayTest, WrongVersionsPathsAndMethodsAreRefused) {
  Start();
  for (const char* target : {"/socket/websocket", "/socket/websocket?vsn=1.0.0"}) {
    Client client(port());
    EXPECT_THAT(client.Upgrade(target), StartsWith("HTTP/1.1 400")) << target;
  }
  EXPECT_THAT(Client(port()).Upgrade("/elsewhere?vsn=2.0.0"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Client(port()).Get("/socket/websocket?vsn=2.0.0"), StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(Client(port()).Get("/nothing"), StartsWith("HTTP/1.1 404"));
  Client post(port());
  post.Send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(post.ReadResponse(), StartsWith("HTTP/1.1 405"));
  Client garbage(port());
  garbage.Send("hello\r\n\r\n");
  EXPECT_THAT(garbage.ReadResponse(), StartsWith("HTTP/1.1 400"));
  Client head(port());
  head.Send("HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(head.ReadResponse(false), HasSubstr("Content-Length: 3"));
  // The same connection goes on.
  EXPECT_THAT(head.Get("/healthz"), HasSubstr("\r\n\r\nok\n"));
}

TEST_F(GatewayTest, GarbageAndTooMuchEndAConnection) {
  Start();
  Client garbage(port());
  ASSERT_THAT(garbage.Upgrade(), StartsWith("HTTP/1.1 101"));
  garbage.SendText("hello");
  const WsMessage closed = garbage.Receive();
  EXPECT_EQ(closed.opcode, 8);
  EXPECT_EQ(closed.close_code(), 1007);
  EXPECT_THAT(closed.data, HasSubstr("not JSON"));
  Client bytes(port());
  ASSERT_THAT(bytes.Upgrade(), StartsWith("HTTP/1.1 101"));
  bytes.SendBinary("\x07");
  EXPECT_EQ(bytes.Receive().close_code(), 1007);
  Client large(port());
  ASSERT_THAT(large.Upgrade(), StartsWith("HTTP/1.1 101"));
  large.SendText(std::string(options_.max_message_bytes + 1, ' '));
  EXPECT_TRUE(large.Receive().ended());
  Client header(port());
  EXPECT_THAT(header.Get("/healthz", "X-Long: " + std::string(10'000, 'x') + "\r\n"),
              testing::AnyOf(StartsWith("HTTP/1.1 431"), ""));
  // And nobody else's.
  EXPECT_THAT(Client(port()).Get("/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(GatewayTest, WithATokenNothingIsReadWithoutIt) {
  options_.access.token = "s3cret";
  options_.access.origins = {"https://gpu.example"};
  StartAttached();
  for (const char* target : {"/metrics", "/api/v1/frame", "/metrics?token=wrong"}) {
    EXPECT_THAT(Client(port()).Get(target), StartsWith("HTTP/1.1 401")) << target;
  }
  EXPECT_THAT(Client(port()).Get("/metrics", "Authorization: Bearer s3cret\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Client(port()).Upgrade(), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Client(port()).Upgrade("/socket/websocket?vsn=2.0.0&token=s3cret"),
              StartsWith("HTTP/1.1 101"));
  EXPECT_THAT(
      Client(port()).Upgrade("/socket/websocket?vsn=2.0.0",
                             "Sec-WebSocket-Protocol: phoenix, base64url.bearer.phx.czNjcmV0\r\n"),
      testing::AllOf(StartsWith("HTTP/1.1 101"), HasSubstr("Sec-WebSocket-Protocol: phoenix\r\n")));
  EXPECT_THAT(Client(port()).Upgrade("/socket/websocket?vsn=2.0.0&token=s3cret",
                                     "Origin: https://evil.example\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Client(port()).Upgrade("/socket/websocket?vsn=2.0.0&token=s3cret",
                                     "Origin: https://gpu.example\r\n"),
              StartsWith("HTTP/1.1 101"));
}

TEST_F(GatewayTest, WithoutATokenPagesFromElsewhereAreRefused) {
  Start();
  EXPECT_THAT(
      Client(port()).Upgrade("/socket/websocket?vsn=2.0.0", "Origin: http://evil.example\r\n"),
      StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Client(port()).Upgrade("/socket/websocket?vsn=2.0.0",
                                     "Origin: http://evil.example\r\n", "evil.example"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Client(port()).Get("/metrics", "", "evil.example"), StartsWith("HTTP/1.1 403"));
}

TEST_F(GatewayTest, ASlowReaderIsHeldToTheLatestFrameAndDelaysNobody) {
  options_.send_buffer_bytes = 16 << 10;
  StartAttached();
  const auto slow = Join(kJoinJson, 4096);
  const auto fast = Join(R"(["1","2","gpu:telemetry","phx_join",{"rate":1000}])");
  EXPECT_EQ(Sequence(fast->Receive()), 1u);
  std::uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    last = runtime_->Publish(50'000);
    ASSERT_EQ(Sequence(fast->Receive()), last);  // every one
  }
  EXPECT_GT(Metric("gpu_gateway_conflated_frames_total"), 150);
  // What was under way, and then the newest: no queue in between.
  int received = 0;
  bool newest = false;
  while (!newest && received < 50) {
    const WsMessage message = slow->Receive();
    ASSERT_TRUE(message.text());
    ++received;
    newest =
        message.data.find("\"sequence\":\"" + std::to_string(last) + "\"") != std::string::npos;
  }
  EXPECT_TRUE(newest);
  EXPECT_LT(received, 20);
}

TEST_F(GatewayTest, PongsComeBetweenWholeMessages) {
  options_.send_buffer_bytes = 16 << 10;
  StartAttached();
  const auto client = Join(R"(["1","2","gpu:telemetry","phx_join",{"rate":1000}])", 4096);
  constexpr int kPings = 50;
  std::uint64_t last = 0;
  for (int i = 0; i < kPings; ++i) {
    last = runtime_->Publish(50'000);
    ASSERT_TRUE(client->Send(Client::WsFrame(9, "ping " + std::to_string(i))));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::uint64_t seen = 0;
  int pongs = 0;
  while (seen < last || pongs < kPings) {
    const WsMessage message = client->Receive();
    if (message.opcode == 10) {
      ASSERT_EQ(message.data, "ping " + std::to_string(pongs));
      ++pongs;
    } else {
      const std::uint64_t sequence = Sequence(message);
      ASSERT_GT(sequence, seen) << "opcode " << message.opcode;
      seen = sequence;
    }
  }
}

TEST_F(GatewayTest, AnswersToWhoDoesNotReadThemDoNotGrow) {
  options_.send_buffer_bytes = 8 << 10;
  Start();
  Client client(port(), 4096);
  ASSERT_THAT(client.Upgrade(), StartsWith("HTTP/1.1 101"));
  // It is not read from any more once its answers wait; then its own sending stops.
  const std::string heartbeat =
      Client::WsFrame(1, R"([null,")" + std::string(250, '9') + R"(","phoenix","heartbeat",{}])");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += heartbeat;
  std::atomic<int> sent{0};
  std::thread sender([&] {
    for (int i = 0; i < 100 && client.Send(many); ++i) ++sent;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(sent.load(), 60);  // of 100, which are 30 MB
  EXPECT_THAT(Client(port()).Get("/healthz"), StartsWith("HTTP/1.1 200"));
  Stop();
  sender.join();
}

TEST_F(GatewayTest, ConnectionsHaveALimitAndComeBack) {
  options_.max_connections = 4;
  Start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(port()));
    ASSERT_THAT(clients.back()->Upgrade(), StartsWith("HTTP/1.1 101"));
  }
  Client refused(port());
  EXPECT_THAT(refused.ReadResponse(), StartsWith("HTTP/1.1 503"));
  clients.clear();
  AwaitReady("503");  // answered, though no runtime is there
}

TEST_F(GatewayTest, SilenceEndsConnections) {
  options_.handshake_time = std::chrono::milliseconds(200);
  options_.idle_time = std::chrono::milliseconds(400);
  Start();
  Client slow_head(port());
  slow_head.Send("GET /healthz HTTP/1.1\r\nHost: ");
  EXPECT_TRUE(slow_head.Ends(5000));
  Client mute(port());
  ASSERT_THAT(mute.Upgrade(), StartsWith("HTTP/1.1 101"));
  EXPECT_TRUE(mute.Ends(5000));  // answers no ping
  Client polite(port());
  ASSERT_THAT(polite.Upgrade(), StartsWith("HTTP/1.1 101"));
  EXPECT_EQ(polite.Receive(1500).opcode, -2);  // answers pings, and stays
  EXPECT_TRUE(polite.SendText(R"([null,"3","phoenix","heartbeat",{}])"));
  EXPECT_THAT(polite.Receive().data, HasSubstr("ok"));
}

TEST_F(GatewayTest, FollowsARuntimeThatComesBack) {
  StartAttached();
  // Every frame: the new runtime's only one comes within milliseconds of the old one's last.
  const auto client = Join(R"(["1","2","gpu:telemetry","phx_join",{"rate":1000}])");
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  runtime_.reset();
  EXPECT_THAT(client->Receive().data, HasSubstr(R"("device_lost",{"device":null)"));
  AwaitReady("503");
  EXPECT_THAT(Client(port()).Get("/api/v1/frame"), StartsWith("HTTP/1.1 503"));
  runtime_.emplace();
  runtime_->Publish();
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  AwaitReady("200");
}

TEST_F(GatewayTest, MetricsFrameAndFiles) {
  const std::filesystem::path files = std::filesystem::path(directory_) / "www";
  std::filesystem::create_directory(files);
  std::ofstream(files / "index.html") << "<p>hello";
  std::ofstream(directory_ + "/secret") << "secret";
  options_.static_directory = files.string();
  StartAttached();
  const std::string metrics = Client(port()).Get("/metrics");
  EXPECT_THAT(metrics, HasSubstr("Content-Type: application/openmetrics-text; version=1.0.0"));
  EXPECT_THAT(metrics, HasSubstr("\ngpu_gateway_attached 1\n"));
  EXPECT_THAT(metrics, testing::EndsWith("# EOF\n"));
  EXPECT_THAT(Client(port()).Get("/metrics", "Accept: text/plain\r\n"),
              HasSubstr("Content-Type: text/plain; version=0.0.4"));
  const std::string frame = Client(port()).Get("/api/v1/frame");
  EXPECT_THAT(frame, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(frame, HasSubstr(R"({"sequence":"1",)"));
  const std::string page = Client(port()).Get("/");
  EXPECT_THAT(page, HasSubstr("Content-Type: text/html"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'self'"));
  EXPECT_THAT(page, testing::EndsWith("<p>hello"));
  for (const char* target : {"/../secret", "/%2e%2e/secret", "/..%2fsecret", "//../secret"}) {
    EXPECT_THAT(Client(port()).Get(target), StartsWith("HTTP/1.1 404")) << target;
  }
}

TEST_F(GatewayTest, AReplayIsSaidToBeOne) {
  StartAttached();
  const auto client = Join(kJoin);
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  runtime_->Publish(0, {}, 0, 60'000'000'000);
  EXPECT_THAT(client->Receive().data, HasSubstr(R"("status",{"state":"replay"})"));
  EXPECT_EQ(Sequence(client->Receive()), 2u);
  const auto late = Join(kJoin);
  EXPECT_THAT(late->Receive().data, HasSubstr(R"("status",{"state":"replay"})"));
  runtime_->Publish();
  EXPECT_THAT(client->Receive().data, HasSubstr(R"("status",{"state":"live"})"));
}

TEST_F(GatewayTest, AddressesThatCannotBe) {
  Start();
  GatewayOptions second = options_;
  second.port = port();
  const auto taken = Gateway::Start(second);
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("in use"));
  second.host = "0.0.0.0";
  EXPECT_THAT(std::string(Gateway::Start(second).status().message()), HasSubstr("token"));
  second.host = "localhost";
  EXPECT_EQ(Gateway::Start(second).status().code(), absl::StatusCode::kInvalidArgument);
  second.host = "127.0.0.1";
  second.static_directory = "/nonexistent";
  EXPECT_FALSE(Gateway::Start(second).ok());
  second.static_directory = "";
  second.recordings = "/proc/recordings";
  EXPECT_FALSE(Gateway::Start(second).ok());
  second.recordings = directory_;
  second.recording_bytes = 1000;
  EXPECT_EQ(Gateway::Start(second).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(GatewayTest, DrainsInGoodOrder) {
  StartAttached();
  const auto client = Join(kJoin);
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  Client waiting(port());
  std::thread stop([this] { Stop(); });
  const WsMessage goodbye = client->Receive();
  EXPECT_EQ(goodbye.opcode, 8);
  EXPECT_EQ(goodbye.close_code(), 1001);
  client->Send(Client::WsFrame(8, goodbye.data));
  EXPECT_TRUE(client->Ends());
  client->Close();
  EXPECT_TRUE(waiting.Ends());
  stop.join();
}

// The program itself.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), AMDGPU_GATEWAY_PROGRAM);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int output[2];
    EXPECT_EQ(pipe(output), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    posix_spawn_file_actions_adddup2(&actions, output[1], 2);
    posix_spawn_file_actions_addclose(&actions, output[0]);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    output_ = output[0];
  }
  ~Program() {
    if (pid_ > 0) Wait(SIGKILL);
    close(output_);
  }
  std::string Line() {
    std::string line;
    char c;
    while (read(output_, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  // The status of exit; -1 if a signal ended it.
  int Wait(int signal = 0) {
    if (signal != 0) kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int output_;
};

TEST_F(GatewayTest, TheProgramDrainsOnSigterm) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Program program({"--port", "0"});
    const std::string line = program.Line();
    ASSERT_THAT(line, StartsWith("listening on 127.0.0.1 port "));
    Client client(static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(' ')))));
    ASSERT_THAT(client.Upgrade(), StartsWith("HTTP/1.1 101"));
    std::thread answer([&client] {
      const WsMessage goodbye = client.Receive();
      EXPECT_EQ(goodbye.close_code(), 1001);
      client.Send(Client::WsFrame(8, goodbye.data));
      EXPECT_TRUE(client.Ends());
      client.Close();
    });
    const auto told = std::chrono::steady_clock::now();
    EXPECT_EQ(program.Wait(signal), 0);
    // At once, not when the time to drain has passed.
    EXPECT_LT(std::chrono::steady_clock::now() - told, std::chrono::seconds(4));
    answer.join();
  }
}

TEST_F(GatewayTest, TheProgramServesMoreThanAShellAllowsAtFirst) {
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit low{48, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  Program program({"--port", "0"});
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  const std::string line = program.Line();
  const auto port = static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(' '))));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<Client>(port));
    ASSERT_THAT(clients.back()->Upgrade(), StartsWith("HTTP/1.1 101")) << i;
  }
  clients.clear();
  EXPECT_EQ(program.Wait(SIGTERM), 0);
}

TEST_F(GatewayTest, TheProgramSaysWhatIsWrongInOneLine) {
  for (const auto& [arguments, words] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--port", "no"}, "--port"},
           {{"--port", "70000"}, "--port"},
           {{"--nonsense"}, "--nonsense"},
           {{"--host", "0.0.0.0"}, "token"},
           {{"--static", "/nonexistent"}, "/nonexistent"},
           {{"--token-file", "/nonexistent"}, "/nonexistent"}}) {
    Program program(arguments);
    const std::string line = program.Line();
    EXPECT_THAT(line, StartsWith("amdgpu-gateway: "));
    EXPECT_THAT(line, HasSubstr(words));
    EXPECT_EQ(program.Line(), "");
    EXPECT_EQ(program.Wait(), 2);
  }
  Program help({"--help"});
  EXPECT_THAT(help.Line(), HasSubstr("Live telemetry"));
  EXPECT_EQ(help.Wait(), 0);
}

}  // namespace
}  // namespace amdgpu::gateway
