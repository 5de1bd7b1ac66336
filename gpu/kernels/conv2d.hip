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

extern "C" __global__ void conv2d(const ELEMENT* in, const ELEMENT* filter, const ELEMENT* bias, ELEMENT* out,
                                  int first, int channels, int height, int width, int filters, int out_height,
                                  int out_width) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  const int plane = first + blockIdx.z;
  const int image = plane / filters, f = plane % filters;
  if (x >= out_width || y >= out_height) return;
  const int group_channels = channels / GROUPS;
  const int first_channel = f / (filters / GROUPS) * group_channels;
  const ELEMENT* source = in + ((index_t)image * channels + first_channel) * height * width;
  const ELEMENT* weights = filter + (index_t)f * group_channels * KERNEL_HEIGHT * KERNEL_WIDTH;
  E::Compute sum = 0;
  for (int c = 0; c < group_channels; ++c) {
    for (int ky = 0; ky < KERNEL_HEIGHT; ++ky) {
      const int sy = y * STRIDE_Y - PAD_Y + ky * DILATION_Y;
      for (int kx = 0; kx < KERNEL_WIDTH; ++kx) {
        const int sx = x * STRIDE_X - PAD_X + kx * DILATION_X;
        if (sy >= 0 && sy < height && sx >= 0 && sx < width) {
          sum += E::load(source[((index_t)c * height + sy) * width + sx]) *
                 E::load(weights[(c * KERNEL_HEIGHT + ky) * KERNEL_WIDTH + kx]);
        }
      }
    }
  }
#if BIAS
  sum += E::load(bias[f]);
#endif
  out[((index_t)plane * out_height + y) * out_width + x] = E::store(sum);
}
