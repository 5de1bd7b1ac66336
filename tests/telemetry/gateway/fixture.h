// A gateway over real sockets, attached to a frame board of the test's own.

#ifndef AMDGPU_TESTS_TELEMETRY_GATEWAY_FIXTURE_H_
#define AMDGPU_TESTS_TELEMETRY_GATEWAY_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "c_src/base/clock.h"
#include "proto/telemetry.pb.h"
#include "telemetry/attach_server.h"
#include "telemetry/board.h"
#include "telemetry/gateway/gateway.h"
#include "tests/telemetry/gateway/client.h"

namespace amdgpu::gateway {

inline constexpr char kJoin[] = R"(["1","2","gpu:telemetry","phx_join",{}])";

// A runtime without devices.
class Runtime {
 public:
  Runtime()
      : board_(*telemetry::BoardWriter::Create()),
        server_(*telemetry::AttachServer::Start(board_.read_only_fd())) {}

  // A frame with `events` and `padding` bytes, made `age_ns` ago; its number.
  std::uint64_t Publish(std::size_t padding = 0, const std::vector<proto::Event>& events = {},
                        int launches = 0, std::uint64_t age_ns = 0) {
    proto::Frame frame;
    frame.set_sequence(++sequence_);
    frame.set_time_ns(NowNs() - age_ns);
    frame.set_unix_ns(1'700'000'000'000'000'000 + static_cast<std::int64_t>(frame.time_ns()));
    frame.set_interval_ns(1'000'000);
    frame.mutable_runtime()->set_pid(getpid());
    frame.mutable_runtime()->set_build_id(std::string(padding, 'x'));
    for (const proto::Event& event : events) *frame.add_events() = event;
    for (int i = 0; i < launches; ++i) frame.add_launches()->set_ticket(i + 1);
    EXPECT_TRUE(board_.Publish(frame.SerializeAsString()));
    return sequence_;
  }

 private:
  telemetry::BoardWriter board_;
  std::unique_ptr<telemetry::AttachServer> server_;
  std::uint64_t sequence_ = 0;
};

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    std::string name = (std::filesystem::temp_directory_path() / "gatewayXXXXXX").string();
    directory_ = mkdtemp(name.data());
    setenv("AMDGPU_RUNTIME_DIR", directory_.c_str(), 1);
    options_.port = 0;
    options_.drain_time = std::chrono::milliseconds(2000);
  }
  ~GatewayTest() override {
    Stop();
    runtime_.reset();
    unsetenv("AMDGPU_RUNTIME_DIR");
    std::filesystem::remove_all(directory_);
  }

  void Start() {
    auto gateway = Gateway::Start(options_);
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
    thread_ = std::thread([this] { gateway_->Run(); });
  }
  void Stop() {
    if (gateway_ == nullptr) return;
    gateway_->Drain();
    thread_.join();
    gateway_.reset();
  }
  // Starts both, and returns when frames arrive.
  void StartAttached() {
    runtime_.emplace();
    Start();
    runtime_->Publish();
    AwaitReady("200");
  }
  void AwaitReady(const std::string& status) {
    for (int i = 0; i < 500; ++i) {
      Client client(port());
      if (client.Get("/readyz").find("HTTP/1.1 " + status) == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << "never " << status;
  }
  // The value of a metric of the gateway's own.
  double Metric(const std::string& name) {
    Client client(port());
    const std::string text = client.Get("/metrics");
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  void AwaitMetric(const std::string& name, double value) {
    for (int i = 0; i < 500 && Metric(name) != value; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(Metric(name), value) << name;
  }
  std::uint16_t port() const { return gateway_->port(); }

  // Upgraded and joined, with the reply taken.
  std::unique_ptr<Client> Join(const std::string& join, int receive_buffer = 0) {
    auto client = std::make_unique<Client>(port(), receive_buffer);
    EXPECT_THAT(client->Upgrade(), ::testing::StartsWith("HTTP/1.1 101"));
    client->SendText(join);
    EXPECT_THAT(client->Receive().data, ::testing::HasSubstr(R"("phx_reply",{"status":"ok")"));
    return client;
  }

  // Of a binary telemetry_update; 0 if it is none.
  static std::uint64_t Sequence(const WsMessage& message) {
    const std::string head = std::string("\x00\x01\x0d\x10", 4) + "1gpu:telemetrytelemetry_update";
    if (!message.binary() || message.data.compare(0, head.size(), head) != 0) return 0;
    proto::Frame frame;
    return frame.ParseFromString(message.data.substr(head.size())) ? frame.sequence() : 0;
  }

  std::string directory_;
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  std::thread thread_;
  std::optional<Runtime> runtime_;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TESTS_TELEMETRY_GATEWAY_FIXTURE_H_
