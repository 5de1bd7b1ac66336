defmodule Demo.Pipeline do
  @moduledoc """
  The main job: a picture goes through HIP kernels on a device and comes back, with what each kernel took.
  """

  alias AMDGPU.{Buffer, Kernel}

  @tile 16
  @block 256
  @max_iterations 256
  # A kernel's time is the median of this many runs.
  @runs 9

  defmodule Step do
    @moduledoc "One kernel of the pipeline: what it made and what it took."
    defstruct [:name, :size, :duration_ns, :bytes, :flops, :result]
  end

  @kernels_dir Path.expand("../../kernels", __DIR__)
  @external_resource mandelbrot = Path.join(@kernels_dir, "mandelbrot.hip")
  @external_resource image = Path.join(@kernels_dir, "image.hip")
  @mandelbrot_source File.read!(mandelbrot)
  @image_source File.read!(image)

  @doc "The part of the plane that the rendered picture shows: `{x0, y0, step}`."
  def view(width, height), do: {-2.2, -1.6 * height / width, 3.2 / width}

  @doc "The iterations after which a point counts as inside the set."
  def max_iterations, do: @max_iterations

  @doc "Renders the Mandelbrot set on the device."
  def render(device, width, height) do
    {x0, y0, step} = view(width, height)

    with {:ok, kernel} <-
           Kernel.compile(device, @mandelbrot_source, "mandelbrot",
             defines: %{MAX_ITERATIONS: @max_iterations},
             strict_math: true,
             block: {@tile, @tile},
             file: "mandelbrot.hip"
           ),
         {:ok, rgb} <- Buffer.new(device, :u8, width * height * 3),
         {:ok, ns} <-
           measure(kernel, [grid: tiles(width, height), block: {@tile, @tile}], [
             rgb,
             width,
             height,
             x0,
             y0,
             step
           ]),
         {:ok, pixels} <- Buffer.to_binary(rgb) do
      iterations = @max_iterations

      {:ok,
       %Step{
         name: "mandelbrot",
         size: "#{width}x#{height}, #{iterations} it",
         duration_ns: ns,
         bytes: byte_size(pixels),
         result: pixels
       }}
    end
  end

  @doc "Runs the pipeline on an RGB picture: a step for each kernel, in order."
  def run(device, %{width: width, height: height, rgb: rgb}) do
    pixels = width * height
    size = "#{width}x#{height}"
    line = [grid: div(pixels + @block - 1, @block), block: @block]
    plane = [grid: tiles(width, height), block: {@tile, @tile}]
    # Enough blocks to fill any device; each thread then takes many pixels.
    blocks = min(1024, div(pixels + @block - 1, @block))
    strided = [grid: blocks, block: @block]

    with {:ok, kernels} <- compile(device),
         {:ok, source} <- Buffer.from_binary(device, :u8, rgb),
         {:ok, gray} <- Buffer.new(device, :f32, pixels),
         {:ok, blurred} <- Buffer.new(device, :f32, pixels),
         {:ok, edges} <- Buffer.new(device, :f32, pixels),
         {:ok, partial} <- Buffer.new(device, :f64, blocks),
         {:ok, t_gray} <- measure(kernels.luminance, line, [source, gray, pixels]),
         {:ok, t_blur} <- measure(kernels.blur, plane, [gray, blurred, width, height]),
         {:ok, t_sobel} <- measure(kernels.sobel, plane, [blurred, edges, width, height]),
         {:ok, t_bins, bins} <- histogram(device, kernels.histogram, strided, gray, pixels),
         {:ok, t_sum} <- measure(kernels.sum, strided, [gray, partial, pixels]),
         {:ok, gray} <- Buffer.to_binary(gray),
         {:ok, blurred} <- Buffer.to_binary(blurred),
         {:ok, edges} <- Buffer.to_binary(edges),
         {:ok, partial} <- Buffer.to_binary(partial) do
      total = Enum.sum(for <<v::float-64-little <- partial>>, do: v)

      {:ok,
       [
         %Step{
           name: "luminance",
           size: size,
           duration_ns: t_gray,
           bytes: 7 * pixels,
           result: gray
         },
         %Step{
           name: "blur",
           size: size,
           duration_ns: t_blur,
           bytes: 8 * pixels,
           flops: 50 * pixels,
           result: blurred
         },
         %Step{name: "sobel", size: size, duration_ns: t_sobel, bytes: 8 * pixels, result: edges},
         %Step{
           name: "histogram",
           size: size,
           duration_ns: t_bins,
           bytes: 4 * pixels,
           result: bins
         },
         %Step{name: "sum", size: size, duration_ns: t_sum, bytes: 4 * pixels, result: total}
       ]}
    end
  end

  defp compile(device) do
    defines = %{TILE: @tile, BLOCK: @block}

    # Known block shapes are compiled for at once; otherwise the first launches would run code for any.
    shapes = %{blur: {@tile, @tile}, sobel: {@tile, @tile}}

    Enum.reduce_while([:luminance, :blur, :sobel, :histogram, :sum], {:ok, %{}}, fn name,
                                                                                    {:ok, all} ->
      case Kernel.compile(device, @image_source, Atom.to_string(name),
             defines: defines,
             block: Map.get(shapes, name, @block),
             file: "image.hip"
           ) do
        {:ok, kernel} -> {:cont, {:ok, Map.put(all, name, kernel)}}
        error -> {:halt, error}
      end
    end)
  end

  # The bins add up, so each run needs them empty.
  defp histogram(device, kernel, options, gray, pixels) do
    with {:ok, bins} <- Buffer.new(device, :u32, 256),
         {:ok, ns} <-
           median(fn ->
             with :ok <- Buffer.fill(bins, 0),
                  do: AMDGPU.run(kernel, options, [gray, bins, pixels])
           end),
         {:ok, binary} <- Buffer.to_binary(bins) do
      {:ok, ns, for(<<count::32-little <- binary>>, do: count)}
    end
  end

  defp measure(kernel, options, arguments),
    do: median(fn -> AMDGPU.run(kernel, options, arguments) end)

  defp median(run) do
    1..@runs
    |> Enum.reduce_while([], fn _, times ->
      case run.() do
        {:ok, info} -> {:cont, [info.duration_ns | times]}
        error -> {:halt, error}
      end
    end)
    |> case do
      times when is_list(times) -> {:ok, times |> Enum.sort() |> Enum.at(div(@runs, 2))}
      error -> error
    end
  end

  defp tiles(width, height),
    do: {div(width + @tile - 1, @tile), div(height + @tile - 1, @tile)}
end
