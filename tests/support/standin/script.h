// What calls of the stand-in are told to do, and how often they came.
//
// A script is rules with semicolons between them: `call=action`, `call=action@n` (from the n-th
// call on, counted from 1) or `call=action@n*m` (m times from there). Calls have the names of
// VendorApi's members; `*` is any. Actions:
//
//   a number      the call returns it and does nothing
//   hang          it never returns
//   abort         it aborts the process, with a line on standard error
//   slow:n        it takes n more microseconds
//
// The environment variable AMD_STANDIN_SCRIPT holds the first script; standin_script(), exported
// from the shared objects, replaces it and sets the counts back to 0.

#ifndef AMDGPU_TESTS_SUPPORT_STANDIN_SCRIPT_H_
#define AMDGPU_TESTS_SUPPORT_STANDIN_SCRIPT_H_

#include <cstdint>

#include "gpu/vendor/vendor_api.h"

namespace standin {

// Counts a call and does as it is told; not 0: what the call has to return at once.
amdgpu::vendor::Result Enter(const char* call);

void SetScript(const char* script);
std::uint64_t Calls(const char* call);

}  // namespace standin

#endif  // AMDGPU_TESTS_SUPPORT_STANDIN_SCRIPT_H_
