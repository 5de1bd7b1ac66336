// The client's end of telemetry: one thread that joins the rings of all devices with the pool, the
// compiles, the owners and the names, and makes one encoded Frame per tick.
//
// The frame goes to the frame board, for other processes, and to the sink of this one. The thread
// keeps the samplers' time: a tick ends when each of them has put its values into its ring, or a
// moment later.

#ifndef AMDGPU_TELEMETRY_HUB_H_
#define AMDGPU_TELEMETRY_HUB_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "telemetry/device_feed.h"
#include "telemetry/launch_runs.h"
#include "telemetry/names.h"

namespace amdgpu::telemetry {

struct HubOptions {
  double rate_hz = 60;  // 1 to 1000; 0 = off
  // While nobody looks: SetSubscribers(0), and no process is attached. 0 = the same rate. A tenth
  // of it when nothing has happened for a while either; what happens then is seen within a second.
  double idle_rate_hz = 0;
  bool publish = true;  // on a frame board that other processes of this user may attach to
};

// Thread-safe.
class Hub {
 public:
  static constexpr double kMostHz = 1000;
  // Most of each kind in a frame; what is more is counted.
  static constexpr int kMaxLaunches = kMostToldOfTick;
  static constexpr int kMaxCopies = 128;
  static constexpr int kMaxCompiles = 64;
  static constexpr int kMaxActive = 32;
  static constexpr int kMaxKernels = 256;
  static constexpr int kMaxOwners = 256;
  static constexpr int kMaxPoolOwners = 16;
  static constexpr int kMaxPoolBlocks = 256;
  static constexpr int kMaxEvents = 64;

  // Never fails: without a board (see board_status) the sink still gets its frames.
  static std::shared_ptr<Hub> Start(HubOptions options);
  virtual ~Hub() = default;

  virtual absl::Status board_status() const = 0;
  // Of the entry that other processes find; empty without a board.
  virtual std::string socket_path() const = 0;

  // 0 turns everything off: the samplers, the records of launches, the frames. Otherwise clamped to
  // 1 ... kMostHz.
  virtual void SetRate(double rate_hz) = 0;
  virtual double rate_hz() const = 0;

  // Gets every encoded frame, on the hub's thread; empty = nobody. When this returns the sink
  // before is no longer called.
  using Sink = std::function<void(absl::string_view frame)>;
  virtual void SetSink(Sink sink) = 0;
  // The same for a second one, the recorder; while there is one, frames come as if somebody looked.
  virtual void SetRecorder(Sink recorder) = 0;
  // How many look at what the sink gets. For the rate, and for the figures of the pipeline.
  virtual void SetSubscribers(std::uint32_t count) = 0;
  // Fills in the compile service's counters; empty = there is none.
  using FillCompileStats = std::function<void(proto::CompileStats*)>;
  virtual void SetCompileStats(FillCompileStats fill) = 0;

  // An open device, and its number. Kept until RemoveDevice, after which it is not asked again.
  virtual std::uint32_t AddDevice(std::shared_ptr<DeviceFeed> feed) = 0;
  virtual void RemoveDevice(std::uint32_t device) = 0;

  virtual Names& names() = 0;
  // A launch that its worker took with it: there will be no record.
  virtual void LoseLaunch(std::uint32_t device, std::uint64_t ticket, std::uint64_t owner,
                          std::uint32_t kernel, std::uint32_t label, std::uint32_t stream,
                          std::uint64_t queued_ns, std::int32_t status) = 0;
  virtual void AddCompile(proto::Compile compile) = 0;
  virtual void AddEvent(proto::Event event) = 0;
};
using HubRef = std::shared_ptr<Hub>;

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_HUB_H_
