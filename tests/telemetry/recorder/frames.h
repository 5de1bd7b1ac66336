// Frames like those of a small system, for tests of what is done with recordings.

#ifndef AMDGPU_TESTS_TELEMETRY_RECORDER_FRAMES_H_
#define AMDGPU_TESTS_TELEMETRY_RECORDER_FRAMES_H_

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "proto/telemetry.pb.h"

namespace amdgpu::telemetry {

inline constexpr std::int64_t kFirstUnixNs = 1'800'000'000'000'000'000;
inline constexpr std::uint64_t kFirstTimeNs = 5'000'000'000;
inline constexpr std::uint64_t kTickNs = 16'666'667;

// Frame `number` (from 1) of a system with one device, which ran one launch on each of its two
// streams in it.
inline proto::Frame MakeFrame(std::uint64_t number) {
  proto::Frame frame;
  const std::uint64_t now = kFirstTimeNs + (number - 1) * kTickNs;
  frame.set_sequence(number);
  frame.set_time_ns(now);
  frame.set_unix_ns(kFirstUnixNs + static_cast<std::int64_t>((number - 1) * kTickNs));
  frame.set_interval_ns(kTickNs);
  frame.mutable_runtime()->set_pid(4242);
  frame.mutable_runtime()->set_hostname("bench");
  proto::DeviceSample& device = *frame.add_devices();
  device.set_device(1);
  device.set_kind("host");
  device.set_name("A \"quoted\" CPU, model 7");
  proto::Value& power = *device.add_values();
  power.set_metric(proto::METRIC_POWER_WATTS);
  power.set_label("package-0");
  power.set_value(50 + static_cast<double>(number % 10));
  power.set_age_us(1000);
  proto::Value& fan = *device.add_values();
  fan.set_metric(proto::METRIC_FAN_RPM);
  fan.set_absence(proto::ABSENCE_MISSING);
  device.mutable_pool()->set_reserved_bytes(1 << 20);
  device.mutable_pool()->set_used_bytes(4096 * (number % 16));
  device.mutable_pool()->set_pool_count(1);
  proto::OwnerUse& use = *device.mutable_pool()->add_owners();
  use.set_owner(7);
  use.set_bytes(4096 * (number % 16));
  use.set_buffers(2);
  for (std::uint32_t stream = 0; stream < 2; ++stream) {
    proto::Launch& launch = *frame.add_launches();
    launch.set_device(1);
    launch.set_ticket(2 * number + stream);
    launch.set_kernel(1 + stream);
    launch.set_stream(stream);
    launch.set_owner(7);
    launch.set_label("step");
    launch.set_queued_ns(now - 900'000);
    launch.set_started_ns(now - 800'000 + stream);
    launch.set_ended_ns(now - 300'000 + stream);
    for (const std::uint32_t size : {64u, 2u, 1u}) launch.add_grid(size);
    for (const std::uint32_t size : {256u, 1u, 1u}) launch.add_block(size);
    proto::KernelStats& kernel = *frame.add_kernels();
    kernel.set_kernel(1 + stream);
    kernel.set_device(1);
    kernel.set_name(stream == 0 ? "saxpy" : "scale<float>");
    kernel.set_core_class(stream == 0 ? proto::CORE_CLASS_AURA : proto::CORE_CLASS_MATRIX);
    kernel.mutable_work()->set_launches_total(number);
    kernel.mutable_work()->set_busy_ns_total(number * 500'000);
    kernel.mutable_work()->set_bytes_total(number * 1'000'000);
    kernel.mutable_work()->set_p50_ns(500'000);
    kernel.mutable_work()->set_p99_ns(510'000 * (stream + 1));
  }
  proto::Owner& owner = *frame.add_owners();
  owner.set_owner(7);
  owner.set_process("<0.123.0>");
  owner.set_name("Elixir.Trainer");
  return frame;
}

inline std::string EncodedFrame(std::uint64_t number) {
  return MakeFrame(number).SerializeAsString();
}

// A directory that goes with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "recordingXXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TESTS_TELEMETRY_RECORDER_FRAMES_H_
