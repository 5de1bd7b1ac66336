defmodule Demo.Check do
  @moduledoc """
  Compares what a kernel made with `Demo.Reference`.

  Up to four megapixels every pixel is compared; of a larger picture, rows spread over it.
  """

  alias Demo.Reference

  @full_check_pixels 4 * 1024 * 1024
  # The Mandelbrot reference takes up to 256 steps a pixel.
  @mandelbrot_rows 64

  @typedoc "The largest difference, in words, and whether it is within what is allowed."
  @type verdict :: {boolean, String.t()}

  @doc "Every byte must be equal: kernel and reference follow IEEE arithmetic."
  @spec mandelbrot(binary, pos_integer, pos_integer) :: verdict
  def mandelbrot(rgb, width, height) do
    view = Demo.Pipeline.view(width, height)
    rows = spread(height, @mandelbrot_rows)

    wrong =
      parallel(rows, fn y ->
        expected = Reference.mandelbrot_row(y, width, view, Demo.Pipeline.max_iterations())
        different_pixels(expected, binary_part(rgb, y * width * 3, width * 3), 0)
      end)
      |> Enum.sum()

    {wrong == 0, "#{wrong} of #{length(rows) * width} pixels differ"}
  end

  defp different_pixels(<<p::binary-3, as::binary>>, <<p::binary-3, bs::binary>>, n),
    do: different_pixels(as, bs, n)

  defp different_pixels(<<_::binary-3, as::binary>>, <<_::binary-3, bs::binary>>, n),
    do: different_pixels(as, bs, n + 1)

  defp different_pixels(<<>>, <<>>, n), do: n

  @doc "The luminance of every compared row, within a rounding step of f32."
  @spec luminance(binary, map) :: verdict
  def luminance(gray, %{rgb: rgb, width: width, height: height}) do
    rows(width, height)
    |> largest(1.0e-4, fn y ->
      {Reference.luminance_row(binary_part(rgb, y * width * 3, width * 3)), row(gray, y, width)}
    end)
  end

  @doc "The blur of the device's own luminance."
  @spec blur(binary, binary, pos_integer, pos_integer) :: verdict
  def blur(blurred, gray, width, height) do
    rows(width, height)
    |> largest(1.0e-3, fn y ->
      around = for dy <- -2..2, do: row(gray, min(max(y + dy, 0), height - 1), width)
      {Reference.blur_row(around), row(blurred, y, width)}
    end)
  end

  @doc "The gradient of the device's own blurred picture."
  @spec sobel(binary, binary, pos_integer, pos_integer) :: verdict
  def sobel(edges, blurred, width, height) do
    rows(width, height)
    |> largest(5.0e-3, fn
      y when y == 0 or y == height - 1 ->
        {List.duplicate(0.0, width), row(edges, y, width)}

      y ->
        [above, here, below] = for dy <- -1..1, do: row(blurred, y + dy, width)
        {Reference.sobel_row(above, here, below), row(edges, y, width)}
    end)
  end

  @doc "The counts, which must be equal."
  @spec histogram([non_neg_integer], binary) :: verdict
  def histogram(bins, gray) do
    wrong = Enum.zip(bins, Reference.histogram(gray)) |> Enum.count(fn {a, b} -> a != b end)
    {wrong == 0, "#{wrong} of 256 bins differ"}
  end

  @doc "The sum, within what reordering additions can change."
  @spec sum(float, binary) :: verdict
  def sum(total, gray) do
    expected = Reference.sum(gray)
    error = abs(total - expected) / max(abs(expected), 1.0)
    {error <= 1.0e-9, "relative #{scientific(error)}"}
  end

  defp rows(width, height) do
    if width * height <= @full_check_pixels,
      do: Enum.to_list(0..(height - 1)),
      else: spread(height, max(1, div(@full_check_pixels, width)))
  end

  # `count` rows from the first to the last.
  defp spread(height, count) when height <= count, do: Enum.to_list(0..(height - 1))

  defp spread(height, count),
    do: for(i <- 0..(count - 1), do: div(i * (height - 1), max(count - 1, 1)))

  defp row(plane, y, width),
    do: for(<<v::float-32-little <- binary_part(plane, y * width * 4, width * 4)>>, do: v)

  defp largest(rows, allowed, pair) do
    error = parallel(rows, fn y -> pair.(y) |> difference() end) |> Enum.max()
    {error <= allowed, "max #{scientific(error)}"}
  end

  defp difference({expected, got}),
    do: Enum.zip_reduce(expected, got, 0.0, fn a, b, worst -> max(abs(a - b), worst) end)

  defp parallel(rows, fun) do
    rows
    |> Enum.chunk_every(16)
    |> Task.async_stream(&Enum.map(&1, fun), timeout: :infinity, ordered: false)
    |> Enum.flat_map(fn {:ok, results} -> results end)
  end

  defp scientific(0.0), do: "0"
  defp scientific(x), do: :erlang.float_to_binary(x, [{:scientific, 1}])
end
