defmodule AMDGPU.Math.Reduction do
  @moduledoc false
  # reduce.hip, scan.hip, softmax.hip, histogram.hip.

  alias AMDGPU.{Buffer, Error, Options}
  alias AMDGPU.Math.{Arguments, Launcher}

  # As in reduce.hip.
  @operations %{sum: 0, max: 1, min: 2, argmax: 3, argmin: 4}
  # Rows shorter than this do not occupy a block.
  @short_row 64
  @most_rows 4_194_304
  # What one launch of a kernel with a thread for each column takes.
  @most_columns 1_073_741_824
  @most_blocks 65_535

  @scan_tile 256 * 8
  @shared_bins 4096

  def reduce(operation, x, options) do
    own = [
      shape: {nil, &(is_nil(&1) or is_tuple(&1) or is_list(&1)), "a tuple of sizes"},
      axis: {nil, &(is_nil(&1) or is_integer(&1)), "the index of a dimension"}
    ]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         {:ok, {outer, axis, inner}} <- dimensions(x, options),
         type = result_type(operation, x.dtype),
         :ok <- check_not_empty(operation, outer, axis, inner),
         {:ok, {out, _} = result} <-
           Arguments.result(options, x.device, type, if(options.axis, do: outer * inner, else: 1)) do
      cond do
        axis == 0 ->
          with :ok <- Buffer.fill(out, 0, stream(options)), do: {:ok, out}

        options.axis == nil ->
          whole(operation, x, result, options)

        inner == 1 and axis >= @short_row and outer <= @most_rows ->
          with {:ok, kernel} <- kernel(operation, x, "reduce_rows") do
            run([{kernel, outer, [x, out, axis]}], options, result)
          end

        inner >= @short_row and inner <= @most_columns and outer <= @most_blocks ->
          with {:ok, kernel} <- kernel(operation, x, "reduce_columns") do
            grid = {ceil_div(inner, Launcher.block()), outer}
            run([{kernel, grid, [x, out, axis, inner]}], options, result)
          end

        true ->
          with {:ok, kernel} <- kernel(operation, x, "reduce_axis") do
            run(along(kernel, x, out, outer, axis, inner), options, result)
          end
      end
    end
  end

  defp along(kernel, x, out, outer, axis, inner) do
    for first <- Launcher.starts(outer * inner) do
      left = min(outer * inner - first, Launcher.chunk())
      {kernel, ceil_div(left, Launcher.block()), [x, out, first, outer, axis, inner]}
    end
  end

  defp whole(operation, x, {out, _} = result, options) do
    blocks = Launcher.blocks(x.device, x.elements)
    indices = if operation in [:argmax, :argmin], do: blocks, else: 1

    with {:ok, partial_kernel} <- kernel(operation, x, "reduce_partial"),
         {:ok, final_kernel} <- kernel(operation, x, "reduce_final"),
         {:ok, partial} <-
           Launcher.scratch(x.device, value_type(operation, x.dtype), blocks, options),
         {:ok, index} <- Launcher.scratch(x.device, :i64, indices, options) do
      launches = [
        {partial_kernel, blocks, [x, partial, index, x.elements]},
        {final_kernel, 1, [partial, index, out, blocks]}
      ]

      run(launches, options, result, [partial, index])
    end
  end

  defp kernel(operation, x, name) do
    result = Arguments.type_name(result_type(operation, x.dtype))

    defines = Launcher.element(x.dtype) ++ [OPERATION: @operations[operation], RESULT: result]

    names = ~w(reduce_partial reduce_final reduce_rows reduce_columns reduce_axis)
    Launcher.kernel(x.device, "reduce.hip", name, defines, names: names)
  end

  defp result_type(:sum, dtype), do: Arguments.result_type(dtype)
  defp result_type(operation, _dtype) when operation in [:argmax, :argmin], do: :i64
  defp result_type(_operation, dtype), do: dtype

  defp value_type(:sum, dtype), do: Arguments.sum_type(dtype)
  defp value_type(_operation, dtype), do: Arguments.compute_type(dtype)

  # {outer, axis, inner}; without an axis all is one row.
  defp dimensions(x, %{axis: nil, shape: nil}), do: {:ok, {1, x.elements, 1}}

  defp dimensions(x, options) do
    with {:ok, shape} <- Arguments.shape(options.shape || {x.elements}, "shape"),
         :ok <- Arguments.elements(x, Enum.product(shape), "x") do
      rank = length(shape)
      axis = options.axis && if(options.axis < 0, do: options.axis + rank, else: options.axis)

      cond do
        axis == nil ->
          {:ok, {1, x.elements, 1}}

        axis in 0..(rank - 1) ->
          {before, [size | behind]} = Enum.split(shape, axis)
          {:ok, {Enum.product(before), size, Enum.product(behind)}}

        true ->
          {:error,
           Error.invalid("axis: #{options.axis} is none of a shape of #{rank} dimensions")}
      end
    end
  end

  defp check_not_empty(:sum, _outer, _axis, _inner), do: :ok

  defp check_not_empty(operation, outer, 0, inner) when outer * inner > 0,
    do: {:error, Error.invalid("nothing has no #{operation}: there are 0 elements")}

  defp check_not_empty(_operation, _outer, _axis, _inner), do: :ok

  def scan(x, options) do
    own = [exclusive: {false, &is_boolean/1, "true or false"}]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         type = Arguments.result_type(x.dtype),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, type, x.elements),
         {:ok, launches, scratch} <- scan_launches(x, out, options.exclusive, options) do
      run(launches, options, result, scratch)
    end
  end

  # The sums of the tiles are scanned in turn, in the type that they are added up in.
  defp scan_launches(%{elements: 0}, _out, _exclusive, _options), do: {:ok, [], []}

  defp scan_launches(x, out, exclusive, options) do
    tiles = ceil_div(x.elements, @scan_tile)
    sum = Arguments.sum_type(x.dtype)

    with {:ok, scan} <- scan_kernel(x, out, exclusive, "scan_tiles"),
         {:ok, sums} <- Launcher.scratch(x.device, sum, tiles, options) do
      first = {scan, tiles, [x, out, sums, x.elements]}

      if tiles == 1 do
        {:ok, [first], [sums]}
      else
        with {:ok, add} <- scan_kernel(x, out, exclusive, "add_offsets"),
             {:ok, launches, scratch} <- scan_launches(sums, sums, true, options) do
          {:ok, [first | launches] ++ [{add, tiles, [out, sums, x.elements]}], [sums | scratch]}
        end
      end
    end
  end

  defp scan_kernel(x, out, exclusive, name) do
    defines =
      Launcher.element(x.dtype) ++
        [RESULT: Arguments.type_name(out.dtype), EXCLUSIVE: exclusive]

    Launcher.kernel(x.device, "scan.hip", name, defines, names: ["scan_tiles", "add_offsets"])
  end

  def softmax(x, shape, options) do
    own = [log: {false, &is_boolean/1, "true or false"}]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.floats()),
         {:ok, [rows, columns]} <- Arguments.shape(shape, "shape", 2),
         :ok <- Arguments.elements(x, rows * columns, "x"),
         :ok <- Launcher.check_blocks(rows, Launcher.block(), "rows"),
         defines = Launcher.element(x.dtype) ++ [LOGARITHMIC: options.log],
         {:ok, kernel} <- Launcher.kernel(x.device, "softmax.hip", "softmax", defines),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      launches = if x.elements == 0, do: [], else: [{kernel, rows, [x, out, columns]}]
      run(launches, options, result)
    end
  end

  def histogram(x, options) do
    own = [
      bins: {256, &(Options.positive?(&1) and &1 <= 0x7FFFFFFF), "a number of bins"},
      range: {nil, &range?/1, "{low, high} with low < high"}
    ]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         :ok <- check_count(x),
         {:ok, bytes?, {low, high}} <- bins(x, options),
         name = if(options.bins <= @shared_bins, do: "histogram", else: "histogram_large"),
         defines = Launcher.element(x.dtype) ++ [BYTES: bytes?],
         {:ok, kernel} <-
           Launcher.kernel(x.device, "histogram.hip", name, defines,
             names: ["histogram", "histogram_large"]
           ),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, :u32, options.bins),
         :ok <- Buffer.fill(out, 0, stream(options)) do
      scale = options.bins / (high - low)
      arguments = [x, out, low * 1.0, high * 1.0, scale, options.bins, x.elements]
      blocks = Launcher.blocks(x.device, x.elements)
      run([{kernel, blocks, arguments}], options, result)
    end
  end

  # Bytes with a bin for each value need no arithmetic.
  defp bins(%{dtype: :u8}, %{bins: 256, range: nil}), do: {:ok, true, {0, 256}}
  defp bins(_x, %{range: {low, high}}), do: {:ok, false, {low, high}}

  defp bins(x, _options),
    do: {:error, Error.invalid("range: {low, high} is needed for #{inspect(x.dtype)}")}

  defp range?({low, high}), do: is_number(low) and is_number(high) and low < high
  defp range?(range), do: is_nil(range)

  defp check_count(%{elements: elements}) when elements <= 0xFFFFFFFF, do: :ok
  defp check_count(_x), do: {:error, Error.invalid("x: a bin counts to 4294967295 only")}

  # Everything here runs in blocks of one size.
  defp run(launches, options, result, scratch \\ []) do
    launches
    |> Enum.map(fn {kernel, grid, arguments} ->
      {kernel, [grid: grid, block: Launcher.block()], arguments}
    end)
    |> Launcher.run(options, result, scratch)
  end

  defp stream(%{stream: nil}), do: []
  defp stream(%{stream: stream}), do: [stream: stream]

  defp ceil_div(a, b), do: div(a + b - 1, b)
end
