// Half precision: part of the prelude already.
#include "amdgpu/prelude.h"
