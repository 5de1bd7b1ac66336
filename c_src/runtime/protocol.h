// The shared segment between the core and a worker: its layout, and the records in its rings.
//
// One memfd, made by the client, mapped by both at addresses of their own: nothing in it is a
// pointer. Everything is plain data and lock-free atomics. Control (hello, slabs, modules) goes
// over the socket: proto/worker.proto.
//
//   SegmentHeader | command ring | completion ring | print ring | staging arena | telemetry ring
//
// The client writes the command ring and reads the completion ring; the worker the other way round.
// Both check what they read: the client must survive a worker that a kernel has scribbled over.

#ifndef AMDGPU_C_SRC_RUNTIME_PROTOCOL_H_
#define AMDGPU_C_SRC_RUNTIME_PROTOCOL_H_

#include <atomic>
#include <cstdint>

#include "telemetry/control.h"
#include "telemetry/launch_runs.h"

namespace amdgpu::protocol {

inline constexpr std::uint64_t kMagic = 0x31555047444d41ull;  // "AMDGPU1"
// Raised by any change to this file or to proto/worker.proto.
inline constexpr std::uint32_t kVersion = 3;

// File descriptors of a worker at its start.
inline constexpr int kControlFd =
    3;  // SOCK_STREAM; messages are a little-endian u32 length and a protobuf
inline constexpr int kSegmentFd = 4;
inline constexpr int kArenaFd = 5;  // host-visible device memory; absent for others

inline constexpr std::uint64_t kCommandRingBytes = std::uint64_t{2} << 20;
inline constexpr std::uint64_t kCompletionSlots = 16384;
inline constexpr std::uint64_t kPrintRingBytes = std::uint64_t{256} << 10;
inline constexpr std::uint64_t kStagingBytes = std::uint64_t{16} << 20;

// More than are written between two looks of a reader: a million copies a second, looked at 60
// times, half of the ring. Of launches there are fewer records (telemetry/launch_runs.h).
inline constexpr std::uint64_t kTelemetrySlots = 32768;

// Most commands in flight: their completions always fit.
inline constexpr std::uint64_t kMaxInFlight = kCompletionSlots;
// Tickets increase. Their low bits are the number of a slot that no other command in flight has:
// the place in either side's table.
inline constexpr std::uint64_t kTicketSlotMask = kMaxInFlight - 1;
// Longest record in the command ring.
inline constexpr std::uint64_t kMaxCommandBytes = 8192;

enum class CommandKind : std::uint16_t {
  kPad = 0,  // the rest of the ring up to its end
  kLaunch = 1,
  kCopy = 2,
  kCopyIn = 3,   // staging -> device
  kCopyOut = 4,  // device -> staging
  kFill = 5,
  kMarker = 6,
  kStreamWait = 7,  // later commands of `stream` wait for what `other` has now
};

// Records in the command ring start at multiples of 64 bytes and never wrap.
struct alignas(64) CommandHeader {
  std::uint32_t bytes;  // of the whole record, a multiple of 64
  CommandKind kind;
  std::uint16_t reserved;
  std::uint32_t stream;
  std::uint32_t reserved2;
  std::uint64_t ticket;
  std::uint64_t submitted_ns;
  std::uint64_t timeout_ns;  // of running; 0 = none
  std::uint64_t owner;       // who caused it, for telemetry; 0 = nobody in particular
};

// The print ring's records: a PrintHeader and its text. Like commands they start at multiples of 64
// bytes and never wrap.
struct alignas(64) PrintHeader {
  std::uint32_t bytes;  // of the whole record
  std::uint16_t kind;   // 1; 0 is a pad
  std::uint16_t reserved;
  std::uint64_t ticket;
  std::uint32_t text_bytes;
};

struct LaunchCommand {
  CommandHeader header;
  std::uint64_t function;
  std::uint32_t grid[3];
  std::uint32_t block[3];
  std::uint32_t dynamic_shared_bytes;
  std::uint32_t args_bytes;  // follow this struct
  // For telemetry: the client's numbers of kernel and label, and what the launch reads, writes and
  // computes, as far as the caller knows.
  std::uint32_t kernel;
  std::uint32_t label;
  std::uint64_t bytes;
  std::uint64_t flops;
};

struct CopyCommand {
  CommandHeader header;
  std::uint64_t destination;  // device address, or offset in the staging arena
  std::uint64_t source;
  std::uint64_t bytes;
};

struct FillCommand {
  CommandHeader header;
  std::uint64_t destination;
  std::uint64_t pattern;
  std::uint64_t bytes;
  std::uint32_t pattern_bytes;
};

struct StreamWaitCommand {
  CommandHeader header;
  std::uint32_t other;
};

struct alignas(64) CompletionRecord {
  std::uint64_t ticket;
  std::int32_t status;  // absl::StatusCode
  std::uint32_t reserved;
  std::uint64_t started_ns;
  std::uint64_t ended_ns;
};

// One direction of communication. Cursors count bytes (command ring) or slots (completion ring) for
// ever.
struct RingControl {
  alignas(64) std::atomic<std::uint64_t> head;  // written by the producer
  alignas(64) std::atomic<std::uint64_t> tail;  // written by the consumer
  // The consumer sleeps on `doorbell`; the producer bumps and wakes it when `sleeping`.
  alignas(64) std::atomic<std::uint32_t> doorbell;
  std::atomic<std::uint32_t> sleeping;
  // Completion ring: the worker wakes the client only for tickets from here on, or when the ring is
  // half full.
  std::atomic<std::uint64_t> wake_at;
};

enum class FaultKind : std::uint32_t {
  kNone = 0,
  kSignal = 1,
  kAssert = 2,
  kAbort = 3,
  kTimeout = 4,
  kDevice = 5,  // reported by the vendor, sticky
  kStackOverflow = 6,
};

// Written once by the worker's signal handler or watchdog just before it dies.
struct FaultRecord {
  std::atomic<std::uint32_t> state;  // 0 empty, 1 being written, 2 whole
  FaultKind kind;
  std::int32_t signal;
  std::uint64_t address;
  std::uint64_t ticket;  // of the launch; 0 = not in a kernel
  std::uint64_t function;
  char message[512];  // zero-terminated
};

struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_bytes;
  char build_id[40];  // zero-terminated
  std::uint64_t segment_bytes;
  std::uint64_t arena_bytes;
  std::uint64_t command_offset;
  std::uint64_t completion_offset;
  std::uint64_t print_offset;
  std::uint64_t staging_offset;
  std::uint64_t telemetry_offset;  // telemetry/ring.h, kTelemetrySlots slots
  RingControl command;
  RingControl completion;
  RingControl print;
  telemetry::SamplerControl sampler;
  telemetry::OpenRuns open_runs;
  FaultRecord fault;
};

}  // namespace amdgpu::protocol

#endif  // AMDGPU_C_SRC_RUNTIME_PROTOCOL_H_
