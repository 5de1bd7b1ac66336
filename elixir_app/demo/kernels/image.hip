// The image pipeline: luminance, blur, Sobel edges, histogram, sum.

// Rec. 709 luminance of RGB bytes, 0 to 255.
extern "C" __global__ void luminance(const unsigned char* rgb, float* gray, int pixels) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= pixels) return;
  gray[i] = 0.2126f * rgb[3 * i] + 0.7152f * rgb[3 * i + 1] + 0.0722f * rgb[3 * i + 2];
}

// 5 x 5 binomial blur. A block loads its tile and two pixels around it into shared memory once; edges are
// clamped.
extern "C" __global__ void blur(const float* in, float* out, int width, int height) {
  __shared__ float tile[TILE + 4][TILE + 4];
  const int left = blockIdx.x * TILE - 2;
  const int top = blockIdx.y * TILE - 2;
  const int thread = threadIdx.y * TILE + threadIdx.x;

  for (int i = thread; i < (TILE + 4) * (TILE + 4); i += TILE * TILE) {
    const int x = min(max(left + i % (TILE + 4), 0), width - 1);
    const int y = min(max(top + i / (TILE + 4), 0), height - 1);
    tile[i / (TILE + 4)][i % (TILE + 4)] = in[y * width + x];
  }
  __syncthreads();

  const int x = blockIdx.x * TILE + threadIdx.x;
  const int y = blockIdx.y * TILE + threadIdx.y;
  if (x >= width || y >= height) return;
  const float weight[5] = {1.0f, 4.0f, 6.0f, 4.0f, 1.0f};
  float sum = 0.0f;
  for (int dy = 0; dy < 5; ++dy) {
    for (int dx = 0; dx < 5; ++dx) {
      sum += weight[dy] * weight[dx] * tile[threadIdx.y + dy][threadIdx.x + dx];
    }
  }
  out[y * width + x] = sum / 256.0f;
}

// Magnitude of the Sobel gradient; 0 along the border.
extern "C" __global__ void sobel(const float* in, float* out, int width, int height) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  float magnitude = 0.0f;
  if (x > 0 && x < width - 1 && y > 0 && y < height - 1) {
    const float* up = in + (y - 1) * width + x;
    const float* here = in + y * width + x;
    const float* down = in + (y + 1) * width + x;
    const float gx = (up[1] + 2.0f * here[1] + down[1]) - (up[-1] + 2.0f * here[-1] + down[-1]);
    const float gy = (down[-1] + 2.0f * down[0] + down[1]) - (up[-1] + 2.0f * up[0] + up[1]);
    magnitude = sqrtf(gx * gx + gy * gy);
  }
  out[y * width + x] = magnitude;
}

// Counts brightness levels into 256 bins: first in shared memory, then once per block into the result.
extern "C" __global__ void histogram(const float* gray, unsigned int* bins, int pixels) {
  __shared__ unsigned int local[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < pixels; i += blockDim.x * gridDim.x) {
    atomicAdd(&local[min((int)gray[i], 255)], 1u);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&bins[i], local[i]);
}

// Each block adds up its share and writes one partial sum.
extern "C" __global__ void sum(const float* in, double* partial, int count) {
  __shared__ double local[BLOCK];
  double mine = 0.0;
  for (int i = blockIdx.x * BLOCK + threadIdx.x; i < count; i += BLOCK * gridDim.x) mine += in[i];
  local[threadIdx.x] = mine;
  __syncthreads();
  for (int half = BLOCK / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) local[threadIdx.x] += local[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) partial[blockIdx.x] = local[0];
}
