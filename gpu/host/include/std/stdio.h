// printf is part of the prelude.
#include "amdgpu/prelude.h"
