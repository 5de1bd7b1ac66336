// What the subcommands of `amdgpu` do. Each returns when it has done it, or when StopRequested.

#ifndef AMDGPU_TELEMETRY_CLI_COMMANDS_H_
#define AMDGPU_TELEMETRY_CLI_COMMANDS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace amdgpu::cli {

// From now on SIGINT, SIGTERM and SIGHUP ask the program to stop.
void WatchSignals();
bool StopRequested();

struct TopCommand {
  pid_t pid = 0;          // of the system; 0 = the newest
  bool json = false;      // one frame on standard output, instead of the screen
  bool stream = false;    // all frames, one a line
  double interval_s = 1;  // of the screen
};
// kNotFound: nothing is running.
absl::Status RunTop(const TopCommand& command);

struct RecordCommand {
  pid_t pid = 0;
  std::string directory;
  std::uint64_t max_bytes = 0;
  double max_age_s = 0;
  double for_s = 0;  // 0 = until the system ends
};
absl::Status RunRecord(const RecordCommand& command);

struct ExportCommand {
  std::string recording;
  std::string format;
  std::string output;  // a path; "" or "-" = standard output
  double from_s = 0;   // from the recording's beginning on
  double for_s = 0;    // 0 = to its end
};
absl::Status RunExport(const ExportCommand& command);

struct ReplayCommand {
  std::string recording;
  double speed = 1;
  bool loop = false;
  double from_s = 0;
};
absl::Status RunReplay(const ReplayCommand& command);

}  // namespace amdgpu::cli

#endif  // AMDGPU_TELEMETRY_CLI_COMMANDS_H_
