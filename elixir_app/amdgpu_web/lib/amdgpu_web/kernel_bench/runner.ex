defmodule AMDGPUWeb.KernelBench.Runner do
  @moduledoc false
  # One page's devices and kernel: opened when it is first needed, closed with the page. A kernel that
  # faults or hangs ends the worker of this page's device, nobody else's.

  use GenServer, restart: :temporary

  alias AMDGPU.{Buffer, Kernel}
  alias AMDGPUWeb.KernelBench.{Arguments, Limits}

  # Runs of a measurement: at most so many, and so long in all.
  @most_runs 50
  @most_ns 500_000_000
  @shown 8

  @doc "Ends with the process that started it."
  def start_link, do: GenServer.start_link(__MODULE__, nil)

  @doc "`{:ok, info}` of the kernel, with its device's `kind` and `arch`, or `{:error, exception}`."
  def compile(runner, selector, source, name),
    do: GenServer.call(runner, {:compile, selector, source, name}, :infinity)

  @doc "Launches what was compiled, some times: a map of what came out."
  def run(runner, grid, block, form),
    do: GenServer.call(runner, {:run, grid, block, form}, :infinity)

  @impl true
  def init(nil), do: {:ok, %{devices: %{}, kernel: nil}}

  @impl true
  def handle_call({:compile, selector, source, name}, _from, state) do
    with {:ok, device, state} <- device(state, selector),
         {:ok, kernel} <-
           Kernel.compile(device, source, name,
             file: "bench.hip",
             timeout: Limits.all().compile_ms
           ) do
      {:reply, {:ok, info(kernel)}, %{state | kernel: kernel}}
    else
      {:error, error} -> {:reply, {:error, error}, %{state | kernel: nil}}
    end
  end

  def handle_call({:run, _, _, _}, _from, %{kernel: nil} = state),
    do: {:reply, {:error, "compile it first"}, state}

  def handle_call({:run, grid, block, form}, _from, %{kernel: kernel} = state) do
    params = Kernel.info(kernel).params

    with {:ok, arguments, buffers} <-
           Arguments.make(kernel.device, params, form, Limits.all().memory_bytes) do
      result = measure(kernel, grid, block, arguments, buffers)
      for {_, buffer} <- buffers, do: Buffer.free(buffer)
      {:reply, result, state}
    else
      {:error, why} -> {:reply, {:error, why}, state}
    end
  end

  defp device(state, selector) do
    with :error <- Map.fetch(state.devices, selector),
         {:ok, device} <-
           AMDGPU.open(selector,
             owner: self(),
             printf: :ignore,
             memory_limit: 2 * Limits.all().memory_bytes
           ) do
      {:ok, device, put_in(state.devices[selector], device)}
    else
      {:ok, device} -> {:ok, device, state}
      {:error, error} -> {:error, error}
    end
  end

  defp measure(kernel, grid, block, arguments, buffers) do
    bytes = buffers |> Enum.map(fn {_, buffer} -> buffer.bytes end) |> Enum.sum()

    options = [
      grid: grid,
      block: block,
      timeout: Limits.all().run_ms,
      bytes: bytes,
      label: "bench"
    ]

    # The first with values that nothing has changed yet: its results are shown.
    with {:ok, first} <- AMDGPU.run(kernel, options, arguments),
         shown = Enum.flat_map(buffers, &shown/1),
         {:ok, times} <- repeat(kernel, options, arguments, [], first.duration_ns) do
      times = Enum.sort(if times == [], do: [first.duration_ns], else: times)

      {:ok,
       %{
         runs: length(times),
         median_ns: Enum.at(times, div(length(times), 2)),
         best_ns: hd(times),
         bytes: bytes,
         occupancy: occupancy(kernel, block),
         info: info(kernel),
         shown: shown
       }}
    end
  end

  defp info(kernel),
    do: Map.merge(Kernel.info(kernel), Map.take(kernel.device.properties, [:kind, :arch]))

  defp repeat(kernel, options, arguments, times, spent) do
    if length(times) >= @most_runs or spent >= @most_ns do
      {:ok, times}
    else
      with {:ok, launch} <- AMDGPU.run(kernel, options, arguments) do
        repeat(
          kernel,
          options,
          arguments,
          [launch.duration_ns | times],
          spent + launch.duration_ns
        )
      end
    end
  end

  defp occupancy(kernel, block) do
    case Kernel.occupancy(kernel, block) do
      {:ok, occupancy} -> occupancy.ratio
      {:error, _} -> nil
    end
  end

  # The first elements of what the kernel may have written.
  defp shown({%{read_only: true}, _buffer}), do: []

  defp shown({param, buffer}) do
    case Buffer.read(buffer, 0, min(@shown, buffer.elements)) do
      {:ok, binary} -> [{param.name, values(buffer.dtype, binary)}]
      {:error, _} -> []
    end
  end

  defp values(:f32, binary), do: for(<<v::float-32-little <- binary>>, do: v)
  defp values(:f64, binary), do: for(<<v::float-64-little <- binary>>, do: v)
  defp values(:i32, binary), do: for(<<v::signed-32-little <- binary>>, do: v)
  defp values(:i64, binary), do: for(<<v::signed-64-little <- binary>>, do: v)
  defp values(:u32, binary), do: for(<<v::32-little <- binary>>, do: v)
  defp values(:u64, binary), do: for(<<v::64-little <- binary>>, do: v)
  defp values(_dtype, binary), do: for(<<v <- binary>>, do: v)
end
