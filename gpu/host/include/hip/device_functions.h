// Device functions: part of the prelude already.
#include "amdgpu/prelude.h"
