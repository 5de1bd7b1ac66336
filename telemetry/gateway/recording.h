// The gateway's own flight recorder, when there is a directory for it: clients of the channel start
// and stop it, and fetch what it wrote as one file.

#ifndef AMDGPU_TELEMETRY_GATEWAY_RECORDING_H_
#define AMDGPU_TELEMETRY_GATEWAY_RECORDING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/unique_fd.h"
#include "telemetry/gateway/channel.h"
#include "telemetry/recorder/recorder.h"

namespace amdgpu::gateway {

// On the io thread only.
class RecordingControl : public RecordSwitch {
 public:
  // A recording is not begun more often: each beginning is a file.
  static constexpr std::uint64_t kLeastBetweenNs = 1'000'000'000;

  // kInvalidArgument: `max_bytes`, of all that is kept, is too little. Else why nothing can be
  // written in `directory`, which is made if need be.
  static absl::StatusOr<RecordingControl> Open(std::string directory, std::uint64_t max_bytes);

  absl::Status Set(bool active) override;
  std::string State() const override;

  // Records it, if it is to.
  void Add(absl::string_view frame);
  // True once after each change of State, by a client or because the disk is full.
  bool TakeChanged();

  const std::string& directory() const { return options_.directory; }

 private:
  explicit RecordingControl(telemetry::RecorderOptions options);

  void End();

  telemetry::RecorderOptions options_;
  std::unique_ptr<telemetry::Recorder> recorder_;  // null: it does not record
  std::uint64_t kept_bytes_ = 0;                   // on disk, as long as it does not record
  std::uint64_t begun_ns_ = 0;
  std::uint64_t next_look_ns_ = 0;
  std::string failure_;  // why it ended by itself
  bool changed_ = false;
};

// A recording's files as one tar archive, piece by piece; of those that are being written, what is
// there now.
class RecordingArchive {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

  // kNotFound if nothing has been recorded.
  static absl::StatusOr<RecordingArchive> Open(const std::string& directory);

  std::uint64_t bytes() const { return bytes_; }
  // What follows, "" at the end. kDataLoss if a file has become shorter.
  absl::StatusOr<std::string> Next();

 private:
  struct Member {
    std::string head;
    UniqueFd file;
    std::uint64_t bytes = 0;
  };

  std::vector<Member> members_;
  std::uint64_t bytes_ = 0;
  std::size_t member_ = 0;
  std::uint64_t read_ = 0;  // of the member's file
  bool ended_ = false;
};

}  // namespace amdgpu::gateway

#endif  // AMDGPU_TELEMETRY_GATEWAY_RECORDING_H_
