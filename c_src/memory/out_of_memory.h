// What happens when memory runs short: the last rungs of the ladder, and the error at its end.
//
// The pool climbs the first rungs by itself, because they never block: it gives all caches back and
// takes in every block whose fences have passed. Above them stands the caller's hook: reserve
// another slab, wait for the oldest fences, let processes collect garbage. Last comes an error that
// tells the truth.

#ifndef AMDGPU_C_SRC_MEMORY_OUT_OF_MEMORY_H_
#define AMDGPU_C_SRC_MEMORY_OUT_OF_MEMORY_H_

#include <cstdint>
#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/memory/memory_resource.h"

namespace amdgpu {

// Why a request was not met.
struct Shortage {
  AllocationRequest request;
  // Bytes of the region that would help; 0 when a limit refused and only freeing helps.
  std::uint64_t needed_bytes = 0;
  // "system" (the pool has no room), "device" or "owner" (a limit).
  absl::string_view limited_by;
  // How often the hook was asked for this request, from 0.
  int attempt = 0;
};

// Tries to make room; may block, may call the resource. True: something may have changed, ask
// again. False: give up.
using MakeRoom = absl::FunctionRef<bool(const Shortage&)>;

// Allocates, asking `make_room` as long as memory is short and it returns true (at most
// kMaxAttempts times). Then kResourceExhausted with an OutOfMemoryDetail.
inline constexpr int kMaxAttempts = 64;
absl::StatusOr<Allocation> AllocateOrMakeRoom(MemoryResource& resource,
                                              const AllocationRequest& request, MakeRoom make_room);

// The final error: asked, free, largest free, limit, limited_by and the five largest holders
// (owner, bytes, buffers). Names of holders are for whoever knows them to fill in.
absl::Status OutOfMemoryError(const MemoryResource& resource, const AllocationRequest& request,
                              absl::string_view limited_by, std::uint64_t limit);

// The ladder as an adaptor, for where one hook serves every request.
class LadderAdaptor final : public Adaptor {
 public:
  // An empty hook goes straight to the error.
  LadderAdaptor(MemoryResource* upstream, std::function<bool(const Shortage&)> make_room)
      : Adaptor(upstream), make_room_(std::move(make_room)) {}

  absl::StatusOr<Allocation> Allocate(const AllocationRequest& request) override;

 private:
  const std::function<bool(const Shortage&)> make_room_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_MEMORY_OUT_OF_MEMORY_H_
