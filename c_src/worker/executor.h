// Takes commands out of the ring and gives them to the driver, in order within each stream.
//
// One of a few threads polls the ring; the others wait in reserve. A driver may run small work
// inside its calls. Should one of those turn out to be long while other commands wait, the watchdog
// relieves the polling thread: one from the reserve polls on, keeps the commands of the stream that
// is held up aside, and the relieved thread runs those when it comes back.

#ifndef AMDGPU_C_SRC_WORKER_EXECUTOR_H_
#define AMDGPU_C_SRC_WORKER_EXECUTOR_H_

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "c_src/base/byte_ring.h"
#include "c_src/base/spin.h"
#include "c_src/runtime/segment.h"
#include "c_src/worker/in_flight.h"
#include "c_src/worker/watchdog.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

// Lives as long as the process.
class Executor {
 public:
  // How long a call of the driver may take before another thread polls on.
  static constexpr std::uint64_t kPatienceNs = 1'000'000;
  // `on_corrupt` is called, and must not return, when the ring holds what no client writes.
  // All outlive it.
  Executor(const Segment& segment, gpu::Driver& driver, gpu::CompletionSink& sink,
           InFlightTable& in_flight, Watchdog& watchdog, std::function<void()> on_corrupt);

  // Runs a body that never returns on a new thread.
  using StartThread =
      std::function<absl::Status(const std::string& name, std::function<void()> body)>;
  // Makes the threads and begins.
  absl::Status Start(const StartThread& start_thread);

  // Drops a stream whose work has ended. From any thread.
  absl::Status DestroyStream(gpu::StreamId stream);

  // The watchdog's look: relieves a polling thread that is stuck. Returns when to look again.
  std::uint64_t Look(std::uint64_t now_ns);

 private:
  static constexpr int kThreads = 4;
  static constexpr std::uint32_t kMaxStreams = 1024;

  enum class State : std::uint32_t {
    kReserve,
    kPolling,
    kInDriver,
    kRelieved,  // in the driver, and another polls
  };
  struct alignas(64) Thread {
    std::atomic<std::uint32_t> state{static_cast<std::uint32_t>(State::kReserve)};
    std::atomic<std::uint64_t> in_driver_since_ns{0};
    gpu::StreamId stream = 0;  // of the command in the driver; read after kInDriver was seen
  };
  // A whole record, as it was in the ring.
  struct Command {
    alignas(64) std::array<std::byte, protocol::kMaxCommandBytes> bytes;
    std::uint64_t size = 0;

    const protocol::CommandHeader& header() const {
      return *reinterpret_cast<const protocol::CommandHeader*>(bytes.data());
    }
  };

  [[noreturn]] void Run(Thread& self);
  void WaitForRole(Thread& self);
  // Polls until relieved.
  void Poll(Thread& self, Command& command);
  // False: the thread was relieved meanwhile.
  bool GiveToDriver(Thread& self, const Command& command);
  // Runs what was kept aside of the stream that this thread held up.
  void CatchUp(Thread& self);
  // True: the command's stream is held up and the command was kept aside.
  bool KeepAside(const Command& command);

  void Execute(const Command& command);
  absl::Status Dispatch(const Command& command, InFlight& entry);
  absl::Status DispatchLaunch(const Command& command, InFlight& entry);
  absl::Status EnsureStream(gpu::StreamId stream);
  // Completes a refused command, in its stream's order.
  void Refuse(InFlight& entry, absl::StatusCode code);

  const Segment& segment_;
  gpu::Driver& driver_;
  gpu::CompletionSink& sink_;
  InFlightTable& in_flight_;
  Watchdog& watchdog_;
  const std::function<void()> on_corrupt_;

  ByteRingConsumer ring_;  // the polling thread's
  std::array<Thread, kThreads> threads_;
  std::atomic<int> polling_{0};  // index of the polling thread
  std::array<std::atomic<bool>, kMaxStreams> created_{};

  // Not absl::Mutex, here and elsewhere in a worker: it opens files when first contended, which the
  // sandbox forbids.
  std::mutex mutex_;
  std::condition_variable caught_up_;
  // Streams that a relieved thread holds up, and their commands that came meanwhile.
  absl::flat_hash_map<gpu::StreamId, std::deque<std::unique_ptr<Command>>> held_up_
      ABSL_GUARDED_BY(mutex_);
  std::atomic<int> held_up_count_{0};  // its size, to be read without the lock
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_EXECUTOR_H_
