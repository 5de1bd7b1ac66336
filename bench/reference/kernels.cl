// The benchmark's kernels as OpenCL C, for PoCL. The same code as kernels.hip.

__kernel void vadd(__global const float* a, __global const float* b, __global float* c, int n) {
  int i = get_global_id(0);
  if (i < n) c[i] = a[i] + b[i];
}

__kernel void saxpy(float a, __global const float* x, __global float* y, int n) {
  int i = get_global_id(0);
  if (i < n) y[i] = a * x[i] + y[i];
}

__kernel void stencil(__global const float* in, __global float* out, int width, int height) {
  int x = get_global_id(0), y = get_global_id(1);
  if (x > 0 && x < width - 1 && y > 0 && y < height - 1) {
    out[y * width + x] = 0.2f * (in[y * width + x] + in[y * width + x - 1] + in[y * width + x + 1] +
                                 in[(y - 1) * width + x] + in[(y + 1) * width + x]);
  }
}

__kernel void reduce_block(__global const float* x, __global float* sums, int n) {
  __local float s[256];
  uint t = get_local_id(0), i = get_global_id(0);
  s[t] = i < n ? x[i] : 0.0f;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size >>= 1) {
    if (t < half_size) s[t] += s[t + half_size];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (t == 0) sums[get_group_id(0)] = s[0];
}

__kernel void reduce_stride(__global const float* x, __global float* sums, int n) {
  __local float s[256];
  uint t = get_local_id(0);
  float sum = 0.0f;
  for (uint i = get_global_id(0); i < n; i += get_global_size(0)) sum += x[i];
  s[t] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size >>= 1) {
    if (t < half_size) s[t] += s[t + half_size];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  if (t == 0) sums[get_group_id(0)] = s[0];
}

#define MATMUL(TILE)                                                                        \
  __kernel void matmul##TILE(__global const float* a, __global const float* b,              \
                             __global float* c, int n) {                                    \
    __local float tile_a[TILE][TILE], tile_b[TILE][TILE];                                   \
    int tx = get_local_id(0), ty = get_local_id(1);                                         \
    int row = get_group_id(1) * TILE + ty, column = get_group_id(0) * TILE + tx;            \
    float sum = 0.0f;                                                                       \
    for (int t = 0; t < n / TILE; ++t) {                                                    \
      tile_a[ty][tx] = a[row * n + t * TILE + tx];                                          \
      tile_b[ty][tx] = b[(t * TILE + ty) * n + column];                                     \
      barrier(CLK_LOCAL_MEM_FENCE);                                                         \
      for (int k = 0; k < TILE; ++k) sum += tile_a[ty][k] * tile_b[k][tx];                  \
      barrier(CLK_LOCAL_MEM_FENCE);                                                         \
    }                                                                                       \
    c[row * n + column] = sum;                                                              \
  }
MATMUL(16)
MATMUL(32)

__kernel void histogram(__global const uchar* in, __global uint* bins, int n) {
  __local uint s[256];
  uint t = get_local_id(0);
  s[t] = 0;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (uint i = get_global_id(0); i < n; i += get_global_size(0)) atomic_inc(&s[in[i]]);
  barrier(CLK_LOCAL_MEM_FENCE);
  atomic_add(&bins[t], s[t]);
}

__kernel void mandelbrot(__global uint* out, int width, int height, float x0, float y0, float step,
                         int limit) {
  int px = get_global_id(0), py = get_global_id(1);
  if (px >= width || py >= height) return;
  float cx = x0 + px * step, cy = y0 + py * step;
  float x = 0.0f, y = 0.0f;
  int count = 0;
  while (count < limit && x * x + y * y < 4.0f) {
    float next = x * x - y * y + cx;
    y = 2.0f * x * y + cy;
    x = next;
    ++count;
  }
  out[py * width + px] = count;
}

__kernel void black_scholes(__global const float* spot, __global const float* strike,
                            __global const float* years, __global float* call,
                            __global float* put, int n) {
  int i = get_global_id(0);
  if (i >= n) return;
  const float rate = 0.02f, volatility = 0.30f;
  float s = spot[i], x = strike[i], t = years[i], root = sqrt(t);
  float d1 = (log(s / x) + (rate + 0.5f * volatility * volatility) * t) / (volatility * root);
  float d2 = d1 - volatility * root;
  float n1 = 0.5f * erfc(-d1 * 0.70710678f), n2 = 0.5f * erfc(-d2 * 0.70710678f);
  float discount = exp(-rate * t);
  call[i] = s * n1 - x * discount * n2;
  put[i] = x * discount * (1.0f - n2) - s * (1.0f - n1);
}
