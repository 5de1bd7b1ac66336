#include <stdio.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "telemetry/attach.h"
#include "telemetry/cli/commands.h"
#include "telemetry/cli/terminal.h"
#include "telemetry/cli/top_model.h"
#include "telemetry/cli/top_view.h"
#include "telemetry/frame_json.h"

namespace amdgpu::cli {
namespace {

using telemetry::Attachment;
using FrameResult = telemetry::BoardReader::Result;

// How soon a stop and the system's end are seen.
constexpr int kLookMs = 100;
constexpr std::uint64_t kLookForNs = std::uint64_t{kLookMs} * 1'000'000;
// How long a system may be silent: an idle one makes a frame a second.
constexpr std::uint64_t kSilenceNs = 5'000'000'000;

void PrintJson(const std::string& bytes) {
  proto::Frame frame;
  if (!frame.ParseFromString(bytes)) return;
  std::puts(telemetry::FrameJson(frame).c_str());
  std::fflush(stdout);
}

absl::Status PrintFrames(Attachment& system, bool one) {
  std::string bytes;
  const std::uint64_t give_up = NowNs() + kSilenceNs;
  while (!StopRequested()) {
    const bool alive = system.alive();
    while (system.frames().Next(&bytes) == FrameResult::kFrame) {
      PrintJson(bytes);
      if (one) return absl::OkStatus();
    }
    if (!alive) return one ? absl::UnavailableError("the system has ended") : absl::OkStatus();
    if (one && NowNs() > give_up) {
      return absl::DeadlineExceededError("the system makes no frames: its telemetry is off");
    }
    system.frames().Wait(NowNs() + kLookForNs);
  }
  return absl::OkStatus();
}

absl::Status ShowScreen(Attachment& system, double interval_s) {
  auto opened = Terminal::Open();
  if (!opened.ok()) return opened.status();
  std::unique_ptr<Terminal> terminal = *std::move(opened);
  const auto interval_ns = static_cast<std::uint64_t>(interval_s * 1e9);
  TopModel model;
  Snapshot snapshot;
  ViewOptions view;
  std::string bytes;
  std::uint64_t next_ns = 0;
  bool alive = true;
  terminal->Draw({{"waiting for the first frame", Line::Style::kFaint}});
  while (!StopRequested() && alive) {
    alive = system.alive();
    proto::Frame frame;
    while (system.frames().Next(&bytes) == FrameResult::kFrame) {
      if (frame.ParseFromString(bytes)) model.Add(frame);
    }
    if (!model.empty() && !view.paused && NowNs() >= next_ns) {
      snapshot = model.Take();
      next_ns = NowNs() + interval_ns;
    }
    view.width = terminal->width();
    view.height = terminal->height();
    if (snapshot.frame.sequence() != 0) terminal->Draw(RenderTop(snapshot, view));
    switch (terminal->ReadKey(kLookMs)) {
      case 'q':
        return absl::OkStatus();
      case 's':
        view.sort = NextSort(view.sort);
        break;
      case 'p':
        view.paused = !view.paused;
        break;
      default:
        break;
    }
  }
  terminal.reset();
  if (!alive) std::printf("the system in process %d has ended\n", system.frames().pid());
  return absl::OkStatus();
}

}  // namespace

absl::Status RunTop(const TopCommand& command) {
  absl::StatusOr<Attachment> system = telemetry::AttachTo(command.pid);
  if (!system.ok()) return system.status();
  if (command.json || command.stream) return PrintFrames(*system, command.json);
  return ShowScreen(*system, command.interval_s);
}

}  // namespace amdgpu::cli
