defmodule AMDGPU.Math.Linear do
  @moduledoc false
  # transpose.hip, conv2d.hip, matmul.hip.

  alias AMDGPU.{Blas, Error}
  alias AMDGPU.Math.{Arguments, Launcher}

  @tile 32
  @tile_rows 8
  # Most blocks in y and z that every device takes.
  @most_blocks 65_535

  def transpose(x, shape, options) do
    with {:ok, options} <- Arguments.options(options),
         {:ok, x} <- Arguments.buffer(x, "x", AMDGPU.DType.all()),
         {:ok, shape} <- Arguments.shape(shape, "shape", [2, 3]),
         [batch, rows, columns] = if(length(shape) == 2, do: [1 | shape], else: shape),
         :ok <- Arguments.elements(x, batch * rows * columns, "x"),
         :ok <- check_size([rows, columns]),
         tiles = ceil_div(rows, @tile) * ceil_div(columns, @tile) * batch,
         :ok <- Launcher.check_blocks(tiles, @tile * @tile_rows, "tiles of 32 x 32"),
         :ok <- check_apart(x, options.out),
         {:ok, kernel} <-
           Launcher.kernel(x.device, "transpose.hip", "transpose", Launcher.element(x.dtype),
             block: {@tile, @tile_rows}
           ),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      launch = {kernel, [grid: tiles, block: {@tile, @tile_rows}], [x, out, rows, columns]}
      Launcher.run(if(tiles > 0, do: [launch], else: []), options, result)
    end
  end

  def matmul(a, b, shape, options) do
    own = [
      transpose_a: {false, &is_boolean/1, "true or false"},
      transpose_b: {false, &is_boolean/1, "true or false"}
    ]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, a} <- Arguments.buffer(a, "a", Arguments.floats()),
         {:ok, sizes} <- Arguments.shape(shape, "shape", [3, 4]),
         [batch, m, _k, n] = if(length(sizes) == 3, do: [1 | sizes], else: sizes),
         {:ok, {c, _} = result} <- Arguments.result(options, a.device, a.dtype, batch * m * n) do
      flags = [transpose_a: options.transpose_a, transpose_b: options.transpose_b]

      with {:ok, launches} <- Blas.launches(a, b, c, shape, flags),
           do: Launcher.run(launches, options, result)
    end
  end

  def conv2d(input, filter, options) do
    own = [
      input: {nil, &tuple?(&1, 4), "{images, channels, height, width}"},
      filter: {nil, &tuple?(&1, 4), "{filters, channels / groups, height, width}"},
      stride: {1, &pair?(&1, 1), "a number or {y, x}"},
      padding: {0, &pair?(&1, 0), "a number or {y, x}"},
      dilation: {1, &pair?(&1, 1), "a number or {y, x}"},
      groups: {1, &(is_integer(&1) and &1 > 0), "a positive number"},
      bias: {nil, &is_struct(&1, AMDGPU.Buffer), "a buffer"}
    ]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(input, "input", Arguments.floats()),
         :ok <- Arguments.alike(filter, x, "filter"),
         {:ok, [images, channels, height, width]} <- Arguments.shape(options.input, "input:", 4),
         {:ok, [filters, depth, rows, columns]} <- Arguments.shape(options.filter, "filter:", 4),
         :ok <- Arguments.elements(x, images * channels * height * width, "input"),
         :ok <- Arguments.elements(filter, filters * depth * rows * columns, "filter"),
         :ok <- check_groups(channels, depth, filters, options.groups),
         :ok <- check_bias(options.bias, x, filters),
         {sy, sx} = pair(options.stride),
         {py, px} = pair(options.padding),
         {dy, dx} = pair(options.dilation),
         {:ok, out_height} <- out_size(height, rows, sy, py, dy, "height"),
         {:ok, out_width} <- out_size(width, columns, sx, px, dx, "width"),
         :ok <- check_apart(x, options.out),
         defines =
           Launcher.element(x.dtype) ++
             [KERNEL_HEIGHT: rows, KERNEL_WIDTH: columns] ++
             [STRIDE_Y: sy, STRIDE_X: sx, PAD_Y: py, PAD_X: px] ++
             [DILATION_Y: dy, DILATION_X: dx, GROUPS: options.groups, BIAS: options.bias != nil],
         {:ok, kernel} <-
           Launcher.kernel(x.device, "conv2d.hip", "conv2d", defines,
             core: :matrix,
             block: {@tile, @tile_rows}
           ),
         planes = images * filters,
         {:ok, {out, _} = result} <-
           Arguments.result(options, x.device, x.dtype, planes * out_height * out_width) do
      sizes = [channels, height, width, filters, out_height, out_width]

      launches =
        for first <- 0..(planes - 1)//@most_blocks, out_height * out_width > 0 do
          grid =
            {ceil_div(out_width, @tile), ceil_div(out_height, @tile_rows),
             min(planes - first, @most_blocks)}

          arguments = [x, filter, options.bias || x, out, first | sizes]
          {kernel, [grid: grid, block: {@tile, @tile_rows}], arguments}
        end

      Launcher.run(launches, options, result)
    end
  end

  defp check_groups(channels, depth, filters, groups) do
    cond do
      depth * groups != channels ->
        {:error,
         Error.invalid(
           "filter: #{depth} channels in #{groups} groups are not the #{channels} of the input"
         )}

      rem(filters, groups) != 0 ->
        {:error, Error.invalid("groups: #{filters} filters do not divide into #{groups} groups")}

      true ->
        :ok
    end
  end

  defp check_bias(nil, _x, _filters), do: :ok

  defp check_bias(bias, x, filters) do
    with :ok <- Arguments.alike(bias, x, "bias"), do: Arguments.elements(bias, filters, "bias")
  end

  defp out_size(size, kernel, stride, padding, dilation, what) do
    case size + 2 * padding - dilation * (kernel - 1) - 1 do
      left when left >= 0 and kernel > 0 -> {:ok, div(left, stride) + 1}
      _ -> {:error, Error.invalid("filter: its #{what} does not fit into the padded input's")}
    end
  end

  # These read elements that others have written by then.
  defp check_apart(%{ref: ref}, %{ref: ref}),
    do: {:error, Error.invalid("out: this cannot be done in place")}

  defp check_apart(_x, _out), do: :ok

  defp check_size(sizes) do
    if Enum.all?(sizes, &(&1 <= 0x7FFFFFFF - @tile)),
      do: :ok,
      else: {:error, Error.invalid("shape: a size is too large: #{inspect(sizes)}")}
  end

  defp tuple?(value, size), do: is_tuple(value) and tuple_size(value) == size

  defp pair?({y, x}, least), do: pair?(y, least) and pair?(x, least)
  defp pair?(n, least), do: is_integer(n) and n >= least and n < 0x10000
  defp pair({y, x}), do: {y, x}
  defp pair(n), do: {n, n}

  defp ceil_div(a, b), do: div(a + b - 1, b)
end
