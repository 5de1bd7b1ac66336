// bfloat16: part of the prelude already.
#include "amdgpu/prelude.h"
