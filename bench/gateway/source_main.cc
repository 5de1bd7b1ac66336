// Frames on a board, as a runtime would publish them, 60 a second and of a chosen size: what the
// gateway is measured with.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "c_src/base/clock.h"
#include "proto/telemetry.pb.h"
#include "telemetry/attach_server.h"
#include "telemetry/board.h"

int main(int argc, char** argv) {
  int seconds = 10;
  std::size_t bytes = 2000;
  CLI::App app("Publishes frames for the gateway, 60 a second.");
  app.add_option("--seconds", seconds)->capture_default_str();
  app.add_option("--bytes", bytes, "of a frame, about")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  auto board = amdgpu::telemetry::BoardWriter::Create();
  if (!board.ok()) return 1;
  auto server = amdgpu::telemetry::AttachServer::Start(board->read_only_fd());
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", std::string(server.status().message()).c_str());
    return 1;
  }
  constexpr std::chrono::nanoseconds kPeriod(1'000'000'000 / 60);
  auto next = std::chrono::steady_clock::now();
  for (int i = 0; i < seconds * 60; ++i) {
    amdgpu::proto::Frame frame;
    frame.set_sequence(static_cast<std::uint64_t>(i) + 1);
    frame.set_time_ns(amdgpu::NowNs());
    frame.set_interval_ns(static_cast<std::uint64_t>(kPeriod.count()));
    frame.mutable_runtime()->set_pid(getpid());
    frame.mutable_runtime()->set_build_id(std::string(bytes, 'x'));
    board->Publish(frame.SerializeAsString());
    std::this_thread::sleep_until(next += kPeriod);
  }
  return 0;
}
