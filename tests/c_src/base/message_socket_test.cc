// Messages over sockets: whole, bounded, and with a clear end.

#include "c_src/base/message_socket.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "c_src/base/clock.h"
#include "proto/worker.pb.h"

namespace amdgpu {
namespace {

TEST(MessageSocket, CarriesLargeMessages) {
  auto ends = *CreateSocketPair();
  proto::WorkerRequest sent;
  sent.set_id(7);
  sent.mutable_load()->set_code_object(std::string(5'000'000, 'x'));
  std::thread sender([&] { EXPECT_TRUE(SendMessage(ends.first.get(), sent).ok()); });
  proto::WorkerRequest received;
  EXPECT_TRUE(ReceiveMessage(ends.second.get(), &received).ok());
  sender.join();
  EXPECT_EQ(received.SerializeAsString(), sent.SerializeAsString());
}

TEST(MessageSocket, TellsWhenThePeerIsGone) {
  auto ends = *CreateSocketPair();
  ends.first.reset();
  proto::WorkerRequest message;
  EXPECT_EQ(ReceiveMessage(ends.second.get(), &message).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(SendMessage(ends.second.get(), message).code(), absl::StatusCode::kUnavailable);
}

TEST(MessageSocket, HasDeadlinesAndBounds) {
  auto ends = *CreateSocketPair();
  proto::WorkerRequest message;
  EXPECT_EQ(ReceiveMessage(ends.second.get(), &message, NowNs() + 5'000'000).code(),
            absl::StatusCode::kDeadlineExceeded);
  const std::uint32_t claimed = 1'000'000;
  ASSERT_EQ(write(ends.first.get(), &claimed, sizeof(claimed)), 4);
  EXPECT_EQ(ReceiveMessage(ends.second.get(), &message, std::nullopt, 1000).code(),
            absl::StatusCode::kDataLoss);
}

TEST(MessageSocket, RubbishDoesNotParse) {
  auto ends = *CreateSocketPair();
  const unsigned char bytes[] = {4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
  ASSERT_EQ(write(ends.first.get(), bytes, sizeof(bytes)), 8);
  proto::WorkerRequest message;
  EXPECT_EQ(ReceiveMessage(ends.second.get(), &message).code(), absl::StatusCode::kDataLoss);
}

TEST(MessageSocket, PassesDescriptors) {
  auto ends = *CreateSocketPair();
  const UniqueFd file(memfd_create("passed", MFD_CLOEXEC));
  ASSERT_EQ(pwrite(file.get(), "hello", 5, 0), 5);
  ASSERT_TRUE(SendFd(ends.first.get(), file.get()).ok());
  const absl::StatusOr<UniqueFd> received = ReceiveFd(ends.second.get());
  ASSERT_TRUE(received.ok());
  char text[5];
  EXPECT_EQ(pread(received->get(), text, 5, 0), 5);
  EXPECT_EQ(std::string(text, 5), "hello");
  ASSERT_EQ(write(ends.first.get(), "x", 1), 1);
  EXPECT_EQ(ReceiveFd(ends.second.get()).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace amdgpu
