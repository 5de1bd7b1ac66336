// The HIP device API: part of the prelude already.
#include "amdgpu/prelude.h"
