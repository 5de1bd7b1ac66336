// The kernels that the contract suite runs, as any driver's compiler takes them. (The host driver's
// own tests have them a second time, written by hand against its ABI, so that the driver is tested
// without the compiler.)

__device__ unsigned counter = 0;
__constant__ int table[4] = {10, 20, 30, 40};

extern "C" __global__ void empty() {}

extern "C" __global__ void add(const float* a, const float* b, float* out, unsigned n) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

// Counts the visits of every thread of the grid, and notes the shape it saw.
extern "C" __global__ void visit(unsigned* visits, unsigned* shape) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  atomicAdd(&visits[block * (blockDim.x * blockDim.y * blockDim.z) + thread], 1u);
  if (block == 0 && thread == 0) {
    shape[0] = gridDim.x;
    shape[1] = gridDim.y;
    shape[2] = gridDim.z;
    shape[3] = blockDim.x;
    shape[4] = blockDim.y;
    shape[5] = blockDim.z;
  }
}

// Ends when *flag is not 0. For one thread.
extern "C" __global__ void spin_until(volatile unsigned* flag, unsigned* done) {
  while (*flag == 0) {
  }
  *done = 1;
}

// Appends `value` to a log whose first word is its length. For one thread.
extern "C" __global__ void append(unsigned* log, unsigned value) { log[++log[0]] = value; }

extern "C" __global__ void bump() { atomicAdd(&counter, 1u); }

extern "C" __global__ void read_globals(unsigned* out) {
  out[0] = counter;
  for (int i = 0; i < 4; ++i) out[1 + i] = table[i];
}

// Reverses 8-bit numbers through dynamic shared memory: out[i] = i-th of the block's numbers from
// the end.
extern "C" __global__ void reverse(unsigned* out) {
  extern __shared__ unsigned numbers[];
  numbers[threadIdx.x] = blockIdx.x * 1000 + threadIdx.x;
  __syncthreads();
  out[blockIdx.x * blockDim.x + threadIdx.x] = numbers[blockDim.x - 1 - threadIdx.x];
}

// One line for each block.
extern "C" __global__ void print(int value) {
  if (threadIdx.x == 0) printf("block %u: %d\n", blockIdx.x, value);
}
