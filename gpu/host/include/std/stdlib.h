// abort and abs are part of the prelude.
#include "amdgpu/prelude.h"
