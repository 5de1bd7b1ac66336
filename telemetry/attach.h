// How a process finds the running systems of its user and reads their frames: the gateway, `amdgpu
// top`, the recorder.
//
//   for (const telemetry::RuntimeEntry& runtime : telemetry::ListRuntimes()) {
//     absl::StatusOr<telemetry::Attachment> system = telemetry::Attach(runtime);
//     if (!system.ok()) continue;
//     std::string bytes;  // an encoded proto::Frame
//     while (system->alive()) {
//       if (!system->frames().Wait(NowNs() + 1'000'000'000)) continue;
//       while (system->frames().Next(&bytes) == telemetry::BoardReader::Result::kFrame) { ... }
//     }
//   }
//
// A runtime listens on a socket in a directory that only its user can enter
// ($XDG_RUNTIME_DIR/amdgpu, else /tmp/amdgpu-<uid>; $AMDGPU_RUNTIME_DIR comes first), and gives
// whoever connects a descriptor of its frame board that can only be read. The connection stays
// open: its end is the runtime's.

#ifndef AMDGPU_TELEMETRY_ATTACH_H_
#define AMDGPU_TELEMETRY_ATTACH_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "c_src/base/unique_fd.h"
#include "telemetry/board.h"

namespace amdgpu::telemetry {

// A runtime that was running when it was listed.
struct RuntimeEntry {
  pid_t pid = 0;
  std::string socket;  // path
};

// The directory, made with mode 0700 if need be. kPermissionDenied if it belongs to somebody else
// or others may enter it.
absl::StatusOr<std::string> RuntimeDirectory();

// The running systems of this user, oldest first. Entries that dead ones have left are removed.
std::vector<RuntimeEntry> ListRuntimes();

// One runtime, attached. Movable; one thread at a time.
class Attachment {
 public:
  Attachment(UniqueFd connection, BoardReader frames)
      : connection_(std::move(connection)), frames_(std::move(frames)) {}

  BoardReader& frames() { return frames_; }
  // False once the runtime has closed its board or ended, however that came. Frames that were
  // published before can still be read.
  bool alive() const;
  // Readable when the runtime has ended. For event loops.
  int connection_fd() const { return connection_.get(); }

 private:
  UniqueFd connection_;
  BoardReader frames_;
};

// kUnavailable: it has ended, or does not answer within a second.
absl::StatusOr<Attachment> Attach(const RuntimeEntry& runtime);
// The runtime in process `pid`; 0 = the newest there is. kNotFound if there is none.
absl::StatusOr<Attachment> AttachTo(pid_t pid);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_ATTACH_H_
