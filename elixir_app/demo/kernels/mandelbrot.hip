// Renders the Mandelbrot set as RGB bytes: the picture that the demo starts from when it is given none.

// A point at the edge of the set flips with the last bit, so this kernel is compiled with strict math: then
// the picture is the same on every device, byte for byte.
extern "C" __global__ void mandelbrot(unsigned char* rgb, int width, int height, double x0, double y0,
                                      double step) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;

  const double cx = x0 + x * step;
  const double cy = y0 + y * step;
  double zx = 0.0, zy = 0.0;
  int n = 0;
  while (n < MAX_ITERATIONS && zx * zx + zy * zy <= 4.0) {
    const double next = zx * zx - zy * zy + cx;
    zy = 2.0 * zx * zy + cy;
    zx = next;
    ++n;
  }

  unsigned char* pixel = rgb + 3 * (y * width + x);
  const bool inside = n == MAX_ITERATIONS;
  pixel[0] = inside ? 0 : (n * 9) & 255;
  pixel[1] = inside ? 0 : (n * 5) & 255;
  pixel[2] = inside ? 0 : (64 + n * 13) & 255;
}
