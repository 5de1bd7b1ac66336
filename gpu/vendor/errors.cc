#include "gpu/vendor/errors.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace amdgpu::vendor {
namespace {

absl::StatusCode CodeOf(Result result) {
  if (IsSticky(result)) return absl::StatusCode::kAborted;
  switch (result) {
    case kOutOfMemory:
      return absl::StatusCode::kResourceExhausted;
    case kNoDevice:
    case kInvalidDevice:
    case kNotFound:
      return absl::StatusCode::kNotFound;
    case kInvalidValue:
    case 9:    // a shape that the device does not take
    case 98:   // not a function of this device
    case 200:  // not a code object,
    case 209:  // or of another device,
    case 218:  // or PTX that does not compile,
    case 222:  // or of a newer toolkit
    case 300:  // source that is none
    case 701:  // more registers or shared memory than there are
      return absl::StatusCode::kInvalidArgument;
    case 801:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

bool IsSticky(Result result) {
  switch (result) {
    case 4:    // the runtime is shutting down
    case 46:   // the device is gone or belongs to somebody else
    case 214:  // memory that ECC could not correct
    case 220:  // NVLink, likewise
    case 226:  // an error that the device contained, and its memory with it
    case kIllegalAddress:
    case 702:  // the driver's own time limit
    case 709:  // the context is gone
    case kAssert:
    case 714:  // stack
    case 715:  // illegal instruction: __builtin_trap
    case 716:  // misaligned address
    case 717:  // address space
    case 718:  // program counter
    case kLaunchFailure:
    case 721:   // tensor memory that a kernel kept
    case 810:   // ended by the multi-process service
    case 999:   // unknown: nothing is known of the device either
    case 1052:  // HSA says so (memory)
    case 1053:  // HSA says so
      return true;
    default:
      return false;
  }
}

absl::Status ToStatus(const VendorApi& api, Result result, absl::string_view doing) {
  if (result == kSuccess) return absl::OkStatus();
  return absl::Status(CodeOf(result),
                      absl::StrCat(std::string(doing), ": ", api.ErrorText(api, result)));
}

}  // namespace amdgpu::vendor
