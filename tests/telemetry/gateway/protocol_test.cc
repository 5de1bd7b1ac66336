// Channel messages, subscriptions, access and files, without sockets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "telemetry/gateway/access.h"
#include "telemetry/gateway/channel.h"
#include "telemetry/gateway/channel_message.h"
#include "telemetry/gateway/encoded_frame.h"
#include "telemetry/gateway/static_files.h"

namespace amdgpu::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ChannelMessage, ReadsText) {
  const auto message = ParseText(R"(["1", null, "gpu:telemetry", "phx_join", {"rate": 60}])");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->join_ref, "1");
  EXPECT_EQ(message->ref, std::nullopt);
  EXPECT_EQ(message->topic, "gpu:telemetry");
  EXPECT_EQ(message->event, "phx_join");
  EXPECT_EQ(message->payload, R"({"rate":60})");
  EXPECT_EQ(EncodeText(*message), R"(["1",null,"gpu:telemetry","phx_join",{"rate":60}])");
}

TEST(ChannelMessage, RefusesWhatIsNone) {
  const std::string deep(100'000, '[');
  const std::string long_topic = R"([null,null,")" + std::string(256, 'x') + R"(","e",{}])";
  for (const std::string& text :
       {std::string(), std::string("hello"), std::string("[]"), std::string("{}"),
        std::string(R"([null,null,"t","e"])"), std::string(R"([null,null,"t","e",{},1])"),
        std::string(R"([1,null,"t","e",{}])"), std::string(R"([null,null,null,"e",{}])"),
        std::string(R"([null,null,"t",7,{}])"), std::string(R"([null,null,"t","e",{})"),
        std::string("[null,null,\"t\xff\",\"e\",{}]"), deep, long_topic}) {
    EXPECT_EQ(ParseText(text).status().code(), absl::StatusCode::kInvalidArgument)
        << text.substr(0, 50);
  }
}

TEST(ChannelMessage, BracketsWithinStringsAreNotDepth) {
  const std::string text = R"([null,null,"t","e",")" + std::string(200, '[') + R"(\"[["])";
  EXPECT_TRUE(ParseText(text).ok());
}

TEST(ChannelMessage, ReadsBinaryAsThePhoenixClientWritesIt) {
  const std::string bytes(
      "\x00\x01\x02\x05\x04"
      "1"
      "23"
      "topic"
      "push"
      "\x00\xff",
      19);
  const auto message = ParseBinary(bytes);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->join_ref, "1");
  EXPECT_EQ(message->ref, "23");
  EXPECT_EQ(message->topic, "topic");
  EXPECT_EQ(message->event, "push");
  EXPECT_EQ(message->payload, std::string("\x00\xff", 2));
  for (std::size_t cut = 0; cut < 17; ++cut) {
    EXPECT_FALSE(ParseBinary(bytes.substr(0, cut)).ok()) << cut;
  }
  EXPECT_FALSE(ParseBinary(std::string("\x02\x00\x00\x00\x00", 5)).ok());
}

TEST(ChannelMessage, BinaryPushesAreAsThePhoenixClientReadsThem) {
  EXPECT_EQ(BinaryPushHead("7", "gpu:telemetry", "telemetry_update"),
            std::string("\x00\x01\x0d\x10"
                        "7"
                        "gpu:telemetry"
                        "telemetry_update",
                        34));
}

ChannelMessage Message(const std::string& event, const std::string& payload = "{}",
                       const std::string& topic = "gpu:telemetry") {
  return {.join_ref = "1", .ref = "2", .topic = topic, .event = event, .payload = payload};
}

class Switch : public RecordSwitch {
 public:
  absl::Status Set(bool active) override {
    if (broken) return absl::UnavailableError("the disk is full");
    this->active = active;
    return absl::OkStatus();
  }
  std::string State() const override {
    return absl::StrCat(R"({"active":)", active ? "true" : "false", "}");
  }
  bool active = false;
  bool broken = false;
};

TEST(Channel, WhoJoinedMayRecordWhereThereIsARecorder) {
  Switch recorder;
  Channel channel(&recorder);
  const auto answer = [&](const std::string& event, const std::string& payload) {
    return channel.Handle(Message(event, payload)).front();
  };
  EXPECT_THAT(answer("record", R"({"active":true})"), HasSubstr("unmatched topic"));
  EXPECT_FALSE(recorder.active);
  EXPECT_THAT(answer("phx_join", "{}"), HasSubstr(R"("recording":{"active":false}})"));
  EXPECT_THAT(answer("record", R"({"active":true})"),
              HasSubstr(R"({"status":"ok","response":{"active":true}})"));
  EXPECT_TRUE(recorder.active);
  for (const char* wrong : {"{}", R"({"active":1})", "[]", "null"}) {
    EXPECT_THAT(answer("record", wrong), HasSubstr("active must be true or false")) << wrong;
  }
  recorder.broken = true;
  EXPECT_THAT(answer("record", R"({"active":false})"), HasSubstr("the disk is full"));
  Channel without;
  without.Handle(Message("phx_join"));
  EXPECT_THAT(without.Handle(Message("record", R"({"active":true})")).front(),
              HasSubstr("unknown event"));
}

TEST(Channel, JoinsAndLeaves) {
  Channel channel;
  EXPECT_EQ(channel.subscription(), nullptr);
  EXPECT_THAT(
      channel.Handle(Message("phx_join", R"({"rate":10,"encoding":"json","topics":["memory"]})")),
      ElementsAre(
          R"(["1","2","gpu:telemetry","phx_reply",{"status":"ok","response":{"rate":10,"encoding":"json"}}])"));
  ASSERT_NE(channel.subscription(), nullptr);
  EXPECT_EQ(channel.subscription()->rate_hz, 10);
  EXPECT_EQ(channel.subscription()->encoding, Encoding::kJson);
  EXPECT_EQ(channel.subscription()->topics, telemetry::kTopicMemory);
  EXPECT_THAT(channel.Handle(Message("phx_leave")),
              ElementsAre(R"(["1","2","gpu:telemetry","phx_reply",{"status":"ok","response":{}}])",
                          R"(["1","1","gpu:telemetry","phx_close",{}])"));
  EXPECT_EQ(channel.subscription(), nullptr);
}

TEST(Channel, AJoinAgainClosesTheOneBefore) {
  Channel channel;
  channel.Handle(Message("phx_join"));
  const std::uint64_t generation = channel.generation();
  ChannelMessage again = Message("phx_join", R"({"rate":1})");
  again.join_ref = again.ref = "9";
  const std::vector<std::string> answers = channel.Handle(again);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0], R"(["1","1","gpu:telemetry","phx_close",{}])");
  EXPECT_THAT(answers[1], HasSubstr(R"("status":"ok")"));
  EXPECT_EQ(channel.join_ref(), "9");
  EXPECT_NE(channel.generation(), generation);
}

TEST(Channel, ErrorsAreReplies) {
  Channel channel;
  for (const char* payload :
       {"[]", "1", R"({"rate":0})", R"({"rate":1e9})", R"({"rate":"60"})", R"({"encoding":"xml"})",
        R"({"topics":[]})", R"({"topics":["all"]})", R"({"topics":"devices"})"}) {
    const std::vector<std::string> answers = channel.Handle(Message("phx_join", payload));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_THAT(answers[0], HasSubstr(R"("phx_reply",{"status":"error")")) << payload;
    EXPECT_EQ(channel.subscription(), nullptr);
  }
  EXPECT_THAT(channel.Handle(Message("phx_join", "{}", "room:lobby"))[0],
              HasSubstr("unmatched topic"));
  EXPECT_THAT(channel.Handle(Message("shout"))[0], HasSubstr("unmatched topic"));
  channel.Handle(Message("phx_join"));
  EXPECT_THAT(channel.Handle(Message("shout"))[0], HasSubstr("unknown event"));
  EXPECT_THAT(channel.Handle(Message("heartbeat", "{}", "phoenix"))[0],
              HasSubstr(R"("phoenix","phx_reply",{"status":"ok","response":{}})"));
}

TEST(Pace, GivesTheRateThatWasAskedFor) {
  constexpr std::uint64_t kTick = 16'666'667;
  for (const auto& [rate, expected] :
       std::vector<std::pair<double, int>>{{60, 600}, {1000, 600}, {30, 300}, {10, 100}, {1, 10}}) {
    Pace pace(rate);
    int sent = 0;
    for (std::uint64_t i = 0; i < 600; ++i) {
      // Late by up to 2 ms, as frames are.
      sent += pace.Due(1'000'000'000'000 + i * kTick + i * 7919 % 2'000'000, kTick) ? 1 : 0;
    }
    EXPECT_NEAR(sent, expected, 1) << rate;
  }
}

TEST(Pace, GoesOnAfterAPauseAndAfterTheClockWentBack) {
  Pace pace(10);
  EXPECT_TRUE(pace.Due(5'000'000'000, 16'666'667));
  EXPECT_FALSE(pace.Due(5'016'666'667, 16'666'667));
  EXPECT_TRUE(pace.Due(9'000'000'000, 16'666'667));
  EXPECT_FALSE(pace.Due(9'016'666'667, 16'666'667));
  EXPECT_TRUE(pace.Due(1'000'000'000, 16'666'667));  // another machine's clock
}

TEST(Access, WithoutATokenOnlyThisMachinesNamesAreHosts) {
  const AccessRules rules;
  EXPECT_TRUE(CheckAccess(rules, {.host = "localhost:9477"}).ok());
  EXPECT_TRUE(CheckAccess(rules, {.host = "127.0.0.1"}).ok());
  EXPECT_TRUE(CheckAccess(rules, {.host = "[::1]:80"}).ok());
  EXPECT_TRUE(CheckAccess(rules, {.host = "localhost:1", .origin = "http://localhost:1"}).ok());
  for (const char* host : {"", "evil.example", "evil.example:9477", "127.evil.example",
                           "localhost.evil.example", "1127.0.0.1"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(CheckAccess(rules, {.host = host}))) << host;
  }
  for (const char* origin : {"http://evil.example", "null", "http://localhost:2", "file://"}) {
    EXPECT_TRUE(
        absl::IsPermissionDenied(CheckAccess(rules, {.host = "localhost:1", .origin = origin})))
        << origin;
  }
  const AccessRules listed{.token = "", .origins = {"https://gpu.example"}};
  EXPECT_TRUE(CheckAccess(listed, {.host = "gpu.example", .origin = "https://gpu.example"}).ok());
  EXPECT_TRUE(CheckAccess(listed, {.host = "localhost", .origin = "https://gpu.example"}).ok());
}

TEST(Access, TokensComeInThreeWays) {
  const AccessRules rules{.token = "s3cret", .origins = {}};
  EXPECT_TRUE(CheckAccess(rules, {.host = "any", .query_token = "s3cret"}).ok());
  EXPECT_TRUE(CheckAccess(rules, {.host = "any", .authorization = "Bearer s3cret"}).ok());
  EXPECT_TRUE(
      CheckAccess(rules, {.host = "any", .subprotocols = "phoenix, base64url.bearer.phx.czNjcmV0"})
          .ok());
  for (const char* token : {"", "s3cre", "s3crets", "S3cret", "s3cres"}) {
    EXPECT_TRUE(absl::IsUnauthenticated(CheckAccess(rules, {.host = "any", .query_token = token})));
    const std::string header = std::string("Bearer ") + token;
    EXPECT_TRUE(
        absl::IsUnauthenticated(CheckAccess(rules, {.host = "any", .authorization = header})));
  }
  EXPECT_TRUE(absl::IsUnauthenticated(
      CheckAccess(rules, {.host = "any", .subprotocols = "phoenix, base64url.bearer.phx.AAAA"})));
  EXPECT_TRUE(absl::IsPermissionDenied(CheckAccess(
      rules, {.host = "any", .origin = "https://evil.example", .query_token = "s3cret"})));
  EXPECT_TRUE(
      CheckAccess(rules, {.host = "any", .origin = "https://any", .query_token = "s3cret"}).ok());
}

TEST(ParseTarget, DecodesPathAndQuery) {
  Target target;
  ASSERT_TRUE(ParseTarget("/a%20b/c?x=1%2B2&y&token=a+b", &target).ok());
  EXPECT_EQ(target.path, "/a b/c");
  EXPECT_EQ(target.Parameter("x"), "1+2");
  EXPECT_EQ(target.Parameter("token"), "a b");
  EXPECT_EQ(target.Parameter("z"), "");
  for (const char* wrong : {"", "a", "*", "http://host/", "/%", "/%4", "/%zz", "/%00", "/?a=%"}) {
    EXPECT_FALSE(ParseTarget(wrong, &target).ok()) << wrong;
  }
}

TEST(StaticFilesTest, ServesFilesOfItsDirectoryAlone) {
  std::string name = (std::filesystem::temp_directory_path() / "staticXXXXXX").string();
  const std::filesystem::path base = mkdtemp(name.data());
  const std::filesystem::path root = base / "www";
  std::filesystem::create_directories(root / "assets");
  std::filesystem::create_directories(base / "www-secret");
  std::ofstream(base / "secret.txt") << "secret";
  std::ofstream(base / "www-secret" / "x.txt") << "secret";
  std::ofstream(root / "index.html") << "<p>hello";
  std::ofstream(root / "assets" / "app.js") << "1;";
  std::ofstream(root / ".hidden") << "secret";
  std::filesystem::create_symlink(base / "secret.txt", root / "link.txt");
  std::filesystem::create_symlink(root / "index.html", root / "inside.html");
  auto files = StaticFiles::Open(root.string());
  ASSERT_TRUE(files.ok()) << files.status();
  auto index = files->Get("/");
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(*index->bytes, "<p>hello");
  EXPECT_EQ(index->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(files->Get("/assets/app.js")->content_type, "text/javascript; charset=utf-8");
  EXPECT_TRUE(files->Get("/inside.html").ok());
  EXPECT_EQ(files->Get("/index.html")->bytes, index->bytes);  // shared while held
  for (const char* path : {"/../secret.txt", "/assets/../../secret.txt", "/.hidden", "/link.txt",
                           "/../www-secret/x.txt", "/none", "/assets", "/..", "/..\\secret.txt"}) {
    EXPECT_TRUE(absl::IsNotFound(files->Get(path).status())) << path;
  }
  std::ofstream(root / "index.html") << "<p>changed";
  EXPECT_EQ(*files->Get("/")->bytes, "<p>changed");
  EXPECT_FALSE(StaticFiles::Open((root / "index.html").string()).ok());
  EXPECT_FALSE(StaticFiles::Open((root / "none").string()).ok());
  std::filesystem::remove_all(base);
}

TEST(EncodedFrameTest, GivesEachTopicItsPartAndEncodesOnce) {
  proto::Frame frame;
  frame.set_sequence(7);
  frame.mutable_runtime()->set_pid(42);
  proto::DeviceSample* device = frame.add_devices();
  device->set_device(1);
  device->add_values()->set_metric(proto::METRIC_POWER_WATTS);
  device->mutable_pool()->set_used_bytes(4096);
  frame.add_kernels()->set_name("saxpy");
  frame.mutable_kernels(0)->set_kernel(3);
  for (int i = 0; i < 40; ++i) frame.add_launches()->set_kernel(3);
  frame.set_launches_omitted(5);
  proto::Event* event = frame.add_events();
  event->set_kind(proto::Event::KIND_DEVICE_LOST);
  event->set_device(1);
  event->set_message("SIG\"SEGV\"");
  std::string bytes = frame.SerializeAsString();
  bytes += std::string("\xf8\x07\x01", 3);  // field 127, from a newer build
  EncodedFrame encoded(bytes);
  EXPECT_EQ(*encoded.Payload(Encoding::kProtobuf, telemetry::kAllTopics), bytes);
  EXPECT_EQ(encoded.Payload(Encoding::kJson, telemetry::kTopicMemory),
            encoded.Payload(Encoding::kJson, telemetry::kTopicMemory));
  proto::Frame memory;
  ASSERT_TRUE(
      memory.ParseFromString(*encoded.Payload(Encoding::kProtobuf, telemetry::kTopicMemory)));
  EXPECT_EQ(memory.sequence(), 7u);
  EXPECT_EQ(memory.devices(0).pool().used_bytes(), 4096u);
  EXPECT_EQ(memory.devices(0).values_size(), 0);
  EXPECT_EQ(memory.launches_size(), 0);
  EXPECT_EQ(memory.kernels_size(), 0);
  EXPECT_THAT(*encoded.Payload(Encoding::kProtobuf, telemetry::kTopicMemory),
              HasSubstr(std::string("\xf8\x07\x01", 3)));
  EXPECT_THAT(*encoded.Payload(Encoding::kJson, telemetry::kTopicKernels), HasSubstr("saxpy"));
  EXPECT_THAT(*encoded.Payload(Encoding::kJson, telemetry::kTopicKernels), Not(HasSubstr("pool")));
  EXPECT_THAT(*encoded.Launches(), HasSubstr(R"("sequence":7,"count":45)"));
  EXPECT_THAT(*encoded.Launches(), HasSubstr(R"("kernel":"saxpy")"));
  EXPECT_THAT(encoded.DevicesLost(), ElementsAre(HasSubstr(R"("message":"SIG\"SEGV\"")")));
  EncodedFrame garbage("\xff\xff\xff");
  EXPECT_EQ(*garbage.Payload(Encoding::kProtobuf, telemetry::kAllTopics), "");
  EXPECT_EQ(garbage.Launches(), nullptr);
}

}  // namespace
}  // namespace amdgpu::gateway
