// Everything that a HIP source has without an include, as under hipRTC. Compiled once, when the
// compiler starts, and put before every source.
#ifndef AMDGPU_HD_PRELUDE_H_
#define AMDGPU_HD_PRELUDE_H_

#include "amdgpu/keywords.h"
// Qualifiers first: the rest is written with them.
#include <stddef.h>
#include <stdint.h>

#include "amdgpu/intrinsics.h"
#include "amdgpu/vector_types.h"
#include "amdgpu/coordinates.h"
#include "amdgpu/diagnostics.h"
#include "amdgpu/math.h"
#include "amdgpu/integer_intrinsics.h"
#include "amdgpu/conversions.h"
#include "amdgpu/synchronization.h"
#include "amdgpu/atomics.h"
#include "amdgpu/warp.h"
#include "amdgpu/timing.h"
#include "amdgpu/half.h"
#include "amdgpu/bfloat16.h"

#endif  // AMDGPU_HD_PRELUDE_H_
