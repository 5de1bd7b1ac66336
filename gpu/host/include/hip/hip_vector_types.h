// Vector types: part of the prelude already.
#include "amdgpu/prelude.h"
