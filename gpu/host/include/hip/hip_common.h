// Macros of HIP: part of the prelude already.
#include "amdgpu/prelude.h"
