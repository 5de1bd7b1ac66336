// Asking a worker which devices there are: what it says, and what is made of one that fails.

#include "c_src/runtime/probe.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace amdgpu {
namespace {

proto::ProbeReply Ask(const std::string& script) {
  setenv("AMD_STANDIN_SCRIPT", script.c_str(), 1);
  proto::ProbeReply reply = ProbeDevices(AMDGPU_STANDIN_WORKER, "cuda");
  unsetenv("AMD_STANDIN_SCRIPT");
  return reply;
}

TEST(Probe, TellsTheDevices) {
  const proto::ProbeReply reply = Ask("");
  EXPECT_EQ(reply.kind(), "cuda");
  EXPECT_EQ(reply.problem(), "");
  EXPECT_EQ(reply.library_version(), "12.4");
  ASSERT_EQ(reply.devices_size(), 1);
  EXPECT_EQ(reply.devices(0).arch(), "sm_90");
  EXPECT_EQ(reply.devices(0).uuid(), "GPU-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
}

TEST(Probe, AVendorThatFailsIsAProblemInWords) {
  EXPECT_THAT(Ask("Init=100").problem(), testing::HasSubstr("starting it: CUDA_ERROR_STANDIN"));
  EXPECT_THAT(Ask("DeviceGetName=46").problem(), testing::HasSubstr("name"));
}

TEST(Probe, AProcessThatDiesOrIsNotThereIsAProblemInWords) {
  EXPECT_THAT(Ask("Init=abort").problem(), testing::HasSubstr("SIGABRT"));
  EXPECT_THAT(ProbeDevices("/nothing/there", "hip").problem(),
              testing::HasSubstr("/nothing/there"));
  EXPECT_THAT(ProbeDevices("/bin/false", "hip").problem(), testing::HasSubstr("code 1"));
}

}  // namespace
}  // namespace amdgpu
