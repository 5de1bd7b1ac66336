// Functions that a compiler calls for what it does not expand in place. Those of libgcc are
// declared here by their own names; those that Debian 12's lacks are defined here.

#ifndef AMDGPU_GPU_HOST_DRIVER_COMPILER_BUILTINS_H_
#define AMDGPU_GPU_HOST_DRIVER_COMPILER_BUILTINS_H_

// NOLINTBEGIN(bugprone-reserved-identifier): the names that compilers call.
extern "C" {

float __extendhfsf2(_Float16 value);
double __extendhfdf2(_Float16 value);
_Float16 __truncsfhf2(float value);
_Float16 __truncdfhf2(double value);

__extension__ typedef __int128 amdgpu_int128;
__extension__ typedef unsigned __int128 amdgpu_uint128;

amdgpu_int128 __multi3(amdgpu_int128 a, amdgpu_int128 b);
amdgpu_int128 __divti3(amdgpu_int128 a, amdgpu_int128 b);
amdgpu_int128 __modti3(amdgpu_int128 a, amdgpu_int128 b);
amdgpu_uint128 __udivti3(amdgpu_uint128 a, amdgpu_uint128 b);
amdgpu_uint128 __umodti3(amdgpu_uint128 a, amdgpu_uint128 b);
amdgpu_int128 __ashlti3(amdgpu_int128 a, int shift);
amdgpu_int128 __ashrti3(amdgpu_int128 a, int shift);
amdgpu_int128 __lshrti3(amdgpu_int128 a, int shift);
amdgpu_int128 __fixsfti(float value);
amdgpu_int128 __fixdfti(double value);
amdgpu_uint128 __fixunssfti(float value);
amdgpu_uint128 __fixunsdfti(double value);
float __floattisf(amdgpu_int128 value);
double __floattidf(amdgpu_int128 value);
float __floatuntisf(amdgpu_uint128 value);
double __floatuntidf(amdgpu_uint128 value);
float __powisf2(float base, int exponent);
double __powidf2(double base, int exponent);

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)

namespace amdgpu::host {

// A bfloat16 travels in the low half of an SSE register, as _Float16 does: the bits of one are
// passed as the other's.
using BFloat16Bits = _Float16;

// __truncsfbf2 and __truncdfbf2: rounded to nearest, ties to even.
BFloat16Bits TruncateToBFloat16(float value);
BFloat16Bits TruncateDoubleToBFloat16(double value);

}  // namespace amdgpu::host

#endif  // AMDGPU_GPU_HOST_DRIVER_COMPILER_BUILTINS_H_
