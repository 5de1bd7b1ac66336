// The recorder that clients of a gateway switch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "telemetry/recorder/recording.h"
#include "tests/telemetry/gateway/fixture.h"

namespace amdgpu::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class GatewayRecordingTest : public GatewayTest {};

TEST_F(GatewayRecordingTest, RecordsWhenAClientSaysSoAndGivesTheRecordingAway) {
  options_.recordings = directory_ + "/kept";
  StartAttached();
  const auto client = Join(kJoin);
  const auto other = Join(kJoin);
  const auto until = [](Client& from, const std::string& words) {
    WsMessage message;
    do message = from.Receive();
    while (!message.ended() && message.data.find(words) == std::string::npos);
    return message.data;
  };
  EXPECT_THAT(Client(port()).Get("/api/v1/recording"), StartsWith("HTTP/1.1 404"));
  client->SendText(R"(["1","3","gpu:telemetry","record",{"active":true}])");
  EXPECT_THAT(until(*client, "phx_reply"), HasSubstr(R"("active":true)"));
  EXPECT_THAT(until(*other, R"("recording")"), HasSubstr(R"("active":true)"));
  for (int i = 0; i < 50; ++i) runtime_->Publish(20'000);
  AwaitMetric("gpu_gateway_frames_total", 51);
  client->SendText(R"(["1","4","gpu:telemetry","record",{"active":false}])");
  EXPECT_THAT(until(*client, R"("4")"), HasSubstr(R"("active":false)"));
  EXPECT_THAT(until(*other, R"("recording")"), HasSubstr(R"("active":false)"));

  const std::string answer = Client(port()).Get("/api/v1/recording");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/x-tar"));
  const std::string archive = directory_ + "/recording.tar";
  std::ofstream(archive) << answer.substr(answer.find("\r\n\r\n") + 4);
  ASSERT_EQ(std::system(("tar xf " + archive + " -C " + directory_).c_str()), 0);
  auto recording = telemetry::Recording::Open(directory_ + "/recording");
  ASSERT_TRUE(recording.ok()) << recording.status();
  EXPECT_EQ(recording->frames(), 50u);
  EXPECT_THAT(recording->damage(), testing::IsEmpty());
}

TEST_F(GatewayRecordingTest, ARecordingIsOnlyForWhoHasTheToken) {
  options_.recordings = directory_ + "/kept";
  options_.access.token = "secret";
  runtime_.emplace();
  Start();
  EXPECT_THAT(Client(port()).Get("/api/v1/recording"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(Client(port()).Get("/api/v1/recording?token=secret"), StartsWith("HTTP/1.1 404"));
}

TEST_F(GatewayRecordingTest, WithoutADirectoryNothingIsRecorded) {
  StartAttached();
  const auto client = Join(kJoin);
  EXPECT_EQ(Sequence(client->Receive()), 1u);
  client->SendText(R"(["1","3","gpu:telemetry","record",{"active":true}])");
  EXPECT_THAT(client->Receive().data, HasSubstr("unknown event"));
  EXPECT_THAT(Client(port()).Get("/api/v1/recording"), StartsWith("HTTP/1.1 404"));
}

}  // namespace
}  // namespace amdgpu::gateway
