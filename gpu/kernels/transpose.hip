// out[column][row] = in[row][column] for each matrix of a batch, tile by tile through shared memory, so that both
// sides are read and written in whole lines. Blocks of TILE x ROWS threads, one for each tile of each matrix.
//
//   ELEMENT  the type of the elements
#include "common.h"

#define TILE 32
#define ROWS 8

extern "C" __global__ void transpose(const ELEMENT* in, ELEMENT* out, int rows, int columns) {
  __shared__ ELEMENT tile[TILE][TILE + 1];  // a column's elements lie in different banks
  const unsigned tiles_x = (columns + TILE - 1) / TILE, tiles_y = (rows + TILE - 1) / TILE;
  const unsigned in_matrix = blockIdx.x % (tiles_x * tiles_y);
  const index_t matrix = (index_t)(blockIdx.x / (tiles_x * tiles_y)) * rows * columns;
  const int x0 = in_matrix % tiles_x * TILE, y0 = in_matrix / tiles_x * TILE;
  for (int k = 0; k < TILE; k += ROWS) {
    const int x = x0 + threadIdx.x, y = y0 + threadIdx.y + k;
    if (x < columns && y < rows) {
      tile[threadIdx.y + k][threadIdx.x] = in[matrix + (index_t)y * columns + x];
    }
  }
  __syncthreads();
  for (int k = 0; k < TILE; k += ROWS) {
    const int x = y0 + threadIdx.x, y = x0 + threadIdx.y + k;
    if (x < rows && y < columns) {
      out[matrix + (index_t)y * rows + x] = tile[threadIdx.x][threadIdx.y + k];
    }
  }
}
