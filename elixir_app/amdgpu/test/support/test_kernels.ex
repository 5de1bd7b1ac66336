defmodule AMDGPU.TestKernels do
  @moduledoc "Kernels that tests launch, and the one way they compile them."

  @source """
  extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
  }
  extern "C" __global__ void empty() {}
  extern "C" __global__ void add(int* x, int n, int value) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] += value;
  }
  extern "C" __global__ void twice_plus(int* x, int value) { x[0] = 2 * x[0] + value; }
  extern "C" __global__ void shape(int* out) {
    if (threadIdx.x + threadIdx.y + threadIdx.z + blockIdx.x + blockIdx.y + blockIdx.z == 0) {
      out[0] = gridDim.x; out[1] = gridDim.y; out[2] = gridDim.z;
      out[3] = blockDim.x; out[4] = blockDim.y; out[5] = blockDim.z;
    }
    atomicAdd(&out[6], 1);
  }
  extern "C" __global__ void reverse(const int* in, int* out) {
    extern __shared__ int tile[];
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
  }
  extern "C" __global__ void scalars(char a, unsigned char b, short c, unsigned short d, int e,
                                     unsigned f, long long g, unsigned long long h, float i,
                                     double j, bool k, double* out) {
    out[0] = a; out[1] = b; out[2] = c; out[3] = d; out[4] = e; out[5] = f;
    out[6] = g; out[7] = h; out[8] = i; out[9] = j; out[10] = k;
  }
  extern "C" __global__ void vector4(float4 v, float* out) {
    out[0] = v.x; out[1] = v.y; out[2] = v.z; out[3] = v.w;
  }
  // Keeps one thread busy: about `millions` million dependent steps.
  extern "C" __global__ void busy(int millions, unsigned* out) {
    unsigned x = threadIdx.x + 1;
    for (long long i = 0; i < millions * 1000000ll; ++i) x = x * 1664525u + 1013904223u + (x >> 7);
    out[0] = x;
  }
  extern "C" __global__ void forever(int* flag) {
    volatile int* watched = flag;
    while (*watched == 0) {}
  }
  extern "C" __global__ void poke(long long address) { *(volatile int*)address = 1; }
  extern "C" __global__ void address_of(int* x, unsigned long long* out) {
    out[0] = (unsigned long long)x;
  }
  extern "C" __global__ void past_the_end(int* x, long long index) {
    ((volatile int*)x)[index] = 1;
  }
  extern "C" __global__ void divide(int* x, int by) { x[0] = x[0] / by; }
  extern "C" __global__ void trap() { __builtin_trap(); }
  extern "C" __global__ void aborts() { abort(); }
  extern "C" __global__ void asserts(int x) { assert(x == 7); }
  __device__ __attribute__((noinline)) int deep(volatile int* x, int n) {
    volatile int frame[256];
    frame[n & 255] = n;
    return deep(x, n + 1) + frame[(n + *x) & 255];
  }
  extern "C" __global__ void overflow(int* x) { x[0] = deep(x, 0); }
  extern "C" __global__ void prints(int n) { printf("hello %d of %d\\n", (int)threadIdx.x, n); }
  """

  @doc "The source they are all in."
  def source, do: @source

  @doc "One of them, on `device`."
  def kernel(device, name, options \\ []),
    do: AMDGPU.Kernel.compile!(device, @source, to_string(name), options)
end
