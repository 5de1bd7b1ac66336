// Two-dimensional convolution (cross-correlation, as neural networks call it): in is [n][channels][height][width],
// filter [filters][channels / GROUPS][KERNEL_HEIGHT][KERNEL_WIDTH], out [n][filters][out_height][out_width].
// A thread for each element of out: x and y in the image, blockIdx.z counts images times filters, from `first` on.
// Blocks have TILE_X x TILE_Y threads.
//
//   ELEMENT                       the type of the elements
//   KERNEL_HEIGHT, KERNEL_WIDTH   of the filters
//   STRIDE_Y, STRIDE_X, PAD_Y, PAD_X, DILATION_Y, DILATION_X, GROUPS
//   BIAS                          1: bias[filter] is added
#include "common.h"

typedef Element<ELEMENT> E;

#define TILE_X 32
#define TILE_Y 8
// What a block's windows cover of the image.
#define REACH_X ((TILE_X - 1) * STRIDE_X + (KERNEL_WIDTH - 1) * DILATION_X + 1)
#define REACH_Y ((TILE_Y - 1) * STRIDE_Y + (KERNEL_HEIGHT - 1) * DILATION_Y + 1)
// As much fits into the shared memory of any device.
#define TILED (REACH_X * REACH_Y * sizeof(E::Compute) <= 32768)

// The sum for the window whose corner is at (left, top) of the image's channels. kEdge: it may reach outside.
template <bool kEdge>
__device__ inline E::Compute sum_window(const ELEMENT* source, const ELEMENT* weights, int channels, int height,
                                        int width, int left, int top) {
  E::Compute sum = 0;
  for (int c = 0; c < channels; ++c) {
#pragma unroll
    for (int ky = 0; ky < KERNEL_HEIGHT; ++ky) {
      const int y = top + ky * DILATION_Y;
#pragma unroll
      for (int kx = 0; kx < KERNEL_WIDTH; ++kx) {
        const int x = left + kx * DILATION_X;
        // Unsigned: below 0 is far above the size.
        if (!kEdge || ((unsigned)y < (unsigned)height && (unsigned)x < (unsigned)width)) {
          sum += E::load(source[((index_t)c * height + y) * width + x]) *
                 E::load(weights[(c * KERNEL_HEIGHT + ky) * KERNEL_WIDTH + kx]);
        }
      }
    }
  }
  return sum;
}

// The same for all threads of a block whose windows reach outside, from (left, top) on: channel by channel through
// shared memory, where zeros are around the image. All threads go through it alike.
__device__ inline E::Compute sum_tile(const ELEMENT* source, const ELEMENT* weights, int channels, int height,
                                      int width, int left, int top) {
  __shared__ E::Compute tile[TILED ? REACH_Y : 1][TILED ? REACH_X : 1];
  E::Compute sum = 0;
  for (int c = 0; c < channels; ++c) {
    for (int row = 0; row < REACH_Y; row += TILE_Y) {
      for (int column = 0; column < REACH_X; column += TILE_X) {
        const int ty = row + threadIdx.y, tx = column + threadIdx.x;
        const int y = top + ty, x = left + tx;
        if (ty < REACH_Y && tx < REACH_X) {
          const bool within = (unsigned)y < (unsigned)height && (unsigned)x < (unsigned)width;
          tile[ty][tx] = within ? (E::Compute)E::load(source[((index_t)c * height + y) * width + x]) : (E::Compute)0;
        }
      }
    }
    __syncthreads();
#pragma unroll
    for (int ky = 0; ky < KERNEL_HEIGHT; ++ky) {
#pragma unroll
      for (int kx = 0; kx < KERNEL_WIDTH; ++kx) {
        sum += tile[threadIdx.y * STRIDE_Y + ky * DILATION_Y][threadIdx.x * STRIDE_X + kx * DILATION_X] *
               E::load(weights[(c * KERNEL_HEIGHT + ky) * KERNEL_WIDTH + kx]);
      }
    }
    __syncthreads();
  }
  return sum;
}

extern "C" __global__ void conv2d(const ELEMENT* in, const ELEMENT* filter, const ELEMENT* bias, ELEMENT* out,
                                  int first, int channels, int height, int width, int filters, int out_height,
                                  int out_width) {
  const int x0 = blockIdx.x * TILE_X, y0 = blockIdx.y * TILE_Y;
  const int x = x0 + threadIdx.x, y = y0 + threadIdx.y;
  const int plane = first + blockIdx.z;
  const int image = plane / filters, f = plane % filters;
  const int group_channels = channels / GROUPS;
  const int first_channel = f / (filters / GROUPS) * group_channels;
  const ELEMENT* source = in + ((index_t)image * channels + first_channel) * height * width;
  const ELEMENT* weights = filter + (index_t)f * group_channels * KERNEL_HEIGHT * KERNEL_WIDTH;
  const int left = x * STRIDE_X - PAD_X, top = y * STRIDE_Y - PAD_Y;
  // Most blocks lie inside with all of their windows.
  const int left0 = x0 * STRIDE_X - PAD_X, top0 = y0 * STRIDE_Y - PAD_Y;
  const bool inside = left0 >= 0 && top0 >= 0 && left0 + REACH_X <= width && top0 + REACH_Y <= height;
  E::Compute sum;
  if (inside) {
    sum = sum_window<false>(source, weights, group_channels, height, width, left, top);
  } else if (TILED) {
    sum = sum_tile(source, weights, group_channels, height, width, left0, top0);
  } else {
    sum = sum_window<true>(source, weights, group_channels, height, width, left, top);
  }
  if (x < out_width && y < out_height) {
#if BIAS
    sum += E::load(bias[f]);
#endif
    out[((index_t)plane * out_height + y) * out_width + x] = E::store(sum);
  }
}
