defmodule AMDGPU.Math.Launcher do
  @moduledoc false
  # Launches of the library's kernels: how many blocks, one after the other, awaited or not.

  alias AMDGPU.{Buffer, Device, DType, Error, Library}
  alias AMDGPU.Math.Arguments

  @block 256
  # Elements of one launch: grid x block stays below the 2^31 that devices take.
  @chunk 1_073_741_824

  @doc """
  Elements of a thread, for kernels that have a thread for each (`items.h`): a GPU's memory is busy when each
  thread waits for 16 bytes or more.
  """
  def items(%Device{properties: %{kind: :host}}, _dtype), do: 1

  def items(_device, dtype) do
    {:ok, bytes} = DType.size(dtype)
    max(4, div(16, bytes))
  end

  @doc "Blocks for kernels that share any number of elements: enough to fill the device, no more."
  def blocks(device, elements) do
    wanted = div(elements + @block * 8 - 1, @block * 8)
    wanted |> max(1) |> min(max(512, 8 * device.properties.compute_units))
  end

  def block, do: @block

  @doc """
  Launches a kernel with a thread for each `items` of n elements; `first` and `n` become its last
  arguments.
  """
  def elementwise(kernel, items, n, arguments) do
    for first <- starts(n) do
      last = min(first + @chunk, n)
      grid = div(last - first + @block * items - 1, @block * items)
      {kernel, [grid: grid, block: @block], arguments ++ [first, last]}
    end
  end

  @doc "The first elements of the launches that cover n."
  def starts(0), do: []
  def starts(n), do: Enum.to_list(0..(n - 1)//@chunk)

  def chunk, do: @chunk

  @doc "Compiles if need be; `block:` is the shape it will be launched with."
  def kernel(device, file, name, defines, options \\ []) do
    options = Keyword.merge([core: :aura, block: @block], options)
    Library.kernel(device, file, name, defines, options)
  end

  @doc """
  Launches `{kernel, [grid:, block:], arguments}` in turn and awaits them, unless `await: false`.
  `scratch` buffers are freed, `out` is given back.
  """
  def run(launches, options, result, scratch \\ [])

  def run(launches, options, {out, new?}, scratch) do
    outcome = with {:ok, jobs} <- launch(launches, options), do: await(jobs, options.await)
    Enum.each(scratch, &Buffer.free/1)

    case outcome do
      :ok ->
        {:ok, out}

      error ->
        if new?, do: Buffer.free(out)
        error
    end
  end

  @doc "A buffer that is only used by the launches to come."
  def scratch(device, dtype, elements, options) do
    stream = if options.stream, do: [stream: options.stream], else: []
    Buffer.new(device, dtype, elements, stream)
  end

  @doc "Defines of a kernel on elements of a type."
  def element(dtype), do: [ELEMENT: Arguments.type_name(dtype)]

  @doc "An error unless so many blocks of so many threads are one launch."
  def check_blocks(blocks, threads, what) do
    if blocks * threads <= 0x7FFFFFFF do
      :ok
    else
      {:error, Error.invalid("#{what}: #{blocks} are too many for one launch")}
    end
  end

  defp launch(launches, options) do
    common =
      [stream: options.stream, timeout: options.timeout]
      |> Enum.reject(fn {_key, value} -> value in [nil, :infinity] end)

    Enum.reduce_while(launches, {:ok, []}, fn {kernel, shape, arguments}, {:ok, jobs} ->
      case AMDGPU.launch(kernel, shape ++ common, arguments) do
        {:ok, job} -> {:cont, {:ok, [job | jobs]}}
        error -> {:halt, error}
      end
    end)
  end

  defp await(_jobs, false), do: :ok

  defp await(jobs, true) do
    jobs
    |> Enum.reverse()
    |> Enum.reduce_while(:ok, fn job, :ok ->
      case AMDGPU.await(job) do
        {:ok, _launch} -> {:cont, :ok}
        error -> {:halt, error}
      end
    end)
  end
end
