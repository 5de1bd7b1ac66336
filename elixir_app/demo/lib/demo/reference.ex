defmodule Demo.Reference do
  @moduledoc """
  What the kernels must compute, written again in plain Elixir by other means: the blur as two passes of five taps instead
  of one of twenty-five, the Mandelbrot set point by point.

  Everything works on rows (lists of floats), so that a large picture can be checked on some of its rows.
  """

  @doc "Row `y` of the Mandelbrot picture, as RGB bytes."
  def mandelbrot_row(y, width, {x0, y0, step}, max_iterations) do
    cy = y0 + y * step

    for x <- 0..(width - 1), into: <<>> do
      case escape(x0 + x * step, cy, 0.0, 0.0, 0, max_iterations) do
        ^max_iterations -> <<0, 0, 0>>
        n -> <<n * 9::8, n * 5::8, 64 + n * 13::8>>
      end
    end
  end

  defp escape(_cx, _cy, _zx, _zy, n, n), do: n
  defp escape(_cx, _cy, zx, zy, n, _max) when zx * zx + zy * zy > 4.0, do: n

  defp escape(cx, cy, zx, zy, n, max),
    do: escape(cx, cy, zx * zx - zy * zy + cx, 2.0 * zx * zy + cy, n + 1, max)

  @doc "Luminance of a row of RGB bytes."
  def luminance_row(rgb) do
    for <<r, g, b <- rgb>>, do: 0.2126 * r + 0.7152 * g + 0.0722 * b
  end

  @doc "The blurred row from the five rows around it (clamped by the caller)."
  def blur_row([_, _, _, _, _] = rows) do
    [a, b, c, d, e] = Enum.map(rows, &blur_across/1)
    combine(a, b, c, d, e)
  end

  defp blur_across([first | _] = row) do
    last = List.last(row)
    taps([first, first | row], last)
  end

  # The last two windows lean on a repeated last pixel.
  defp taps([a, b, c, d], last), do: [five(a, b, c, d, last), five(b, c, d, last, last)]

  defp taps([a | [b, c, d, e | _] = rest], last), do: [five(a, b, c, d, e) | taps(rest, last)]

  defp taps([a, b, c], last), do: [five(a, b, c, last, last)]

  defp combine([a | as], [b | bs], [c | cs], [d | ds], [e | es]),
    do: [five(a, b, c, d, e) | combine(as, bs, cs, ds, es)]

  defp combine([], [], [], [], []), do: []

  defp five(a, b, c, d, e), do: (a + 4.0 * b + 6.0 * c + 4.0 * d + e) / 16.0

  @doc "The Sobel row from the row above, the row itself and the row below; the first and last pixel are 0."
  def sobel_row(above, here, below) do
    inner = sobel_inner(above, here, below)
    if tl(here) == [], do: [0.0], else: [0.0 | inner] ++ [0.0]
  end

  defp sobel_inner([a, b, c | as], [d, e, f | ds], [g, h, i | gs]) do
    gx = c + 2.0 * f + i - (a + 2.0 * d + g)
    gy = g + 2.0 * h + i - (a + 2.0 * b + c)

    [
      :math.sqrt(gx * gx + gy * gy)
      | sobel_inner([b, c | as], [e, f | ds], [h, i | gs])
    ]
  end

  defp sobel_inner(_, _, _), do: []

  @doc "Counts of the 256 levels in a binary of f32 values, as a list."
  def histogram(gray) do
    bins = :counters.new(256, [])
    for <<v::float-32-little <- gray>>, do: :counters.add(bins, min(trunc(v), 255) + 1, 1)
    for i <- 1..256, do: :counters.get(bins, i)
  end

  @doc "The sum of a binary of f32 values."
  def sum(gray), do: sum(gray, 0.0)
  defp sum(<<v::float-32-little, rest::binary>>, total), do: sum(rest, total + v)
  defp sum(<<>>, total), do: total
end
