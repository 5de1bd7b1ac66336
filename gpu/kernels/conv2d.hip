// Two-dimensional convolution (cross-correlation, as neural networks call it): in is [n][channels][height][width],
// filter [filters][channels / GROUPS][KERNEL_HEIGHT][KERNEL_WIDTH], out [n][filters][out_height][out_width].
// A thread for each element of out: x and y in the image, blockIdx.z counts images times filters, from `first` on.
//
//   ELEMENT                       the type of the elements
//   KERNEL_HEIGHT, KERNEL_WIDTH   of the filters
//   STRIDE_Y, STRIDE_X, PAD_Y, PAD_X, DILATION_Y, DILATION_X, GROUPS
//   BIAS                          1: bias[filter] is added
#include "common.h"

typedef Element<ELEMENT> E;

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

extern "C" __global__ void conv2d(const ELEMENT* in, const ELEMENT* filter, const ELEMENT* bias, ELEMENT* out,
                                  int first, int channels, int height, int width, int filters, int out_height,
                                  int out_width) {
  const int x0 = blockIdx.x * blockDim.x, y0 = blockIdx.y * blockDim.y;
  const int x = x0 + threadIdx.x, y = y0 + threadIdx.y;
  const int plane = first + blockIdx.z;
  const int image = plane / filters, f = plane % filters;
  if (x >= out_width || y >= out_height) return;
  const int group_channels = channels / GROUPS;
  const int first_channel = f / (filters / GROUPS) * group_channels;
  const ELEMENT* source = in + ((index_t)image * channels + first_channel) * height * width;
  const ELEMENT* weights = filter + (index_t)f * group_channels * KERNEL_HEIGHT * KERNEL_WIDTH;
  const int left = x * STRIDE_X - PAD_X, top = y * STRIDE_Y - PAD_Y;
  // Most blocks lie inside with all of their windows.
  const int last_x = (x0 + (int)blockDim.x - 1) * STRIDE_X - PAD_X + (KERNEL_WIDTH - 1) * DILATION_X;
  const int last_y = (y0 + (int)blockDim.y - 1) * STRIDE_Y - PAD_Y + (KERNEL_HEIGHT - 1) * DILATION_Y;
  const bool inside = x0 * STRIDE_X >= PAD_X && y0 * STRIDE_Y >= PAD_Y && last_x < width && last_y < height;
  E::Compute sum = inside ? sum_window<false>(source, weights, group_channels, height, width, left, top)
                          : sum_window<true>(source, weights, group_channels, height, width, left, top);
#if BIAS
  sum += E::load(bias[f]);
#endif
  out[((index_t)plane * out_height + y) * out_width + x] = E::store(sum);
}
