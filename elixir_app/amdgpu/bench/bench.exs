# The figures of the Elixir side: `mix run bench/bench.exs [--json FILE]`.
#
# Percentiles are over single calls; a rate is over the whole run. Targets are those of the README.
# On a busy machine only ratios mean something: memcpy is measured in the same run.
alias AMDGPU.{Buffer, Compiler, Kernel, Native}

defmodule Bench do
  @doc "Nanoseconds that each of `count` calls took."
  def times(count, fun) do
    for _ <- 1..count do
      start = System.monotonic_time(:nanosecond)
      fun.()
      System.monotonic_time(:nanosecond) - start
    end
  end

  def percentile(times, p) do
    sorted = Enum.sort(times)
    Enum.at(sorted, min(length(sorted) - 1, floor(length(sorted) * p / 100)))
  end

  @doc "Nanoseconds of one call."
  def once(fun), do: [1] |> Enum.flat_map(fn _ -> times(1, fun) end) |> hd()

  @doc "Processor time, in nanoseconds, of a process's threads whose name fits."
  def cpu_ns(pid, pattern) do
    for task <- File.ls!("/proc/#{pid}/task"),
        {:ok, name} <- [File.read("/proc/#{pid}/task/#{task}/comm")],
        name =~ pattern,
        {:ok, used} <- [File.read("/proc/#{pid}/task/#{task}/schedstat")],
        reduce: 0,
        do: (sum -> sum + (used |> String.split() |> hd() |> String.to_integer()))
  end
end

{options, [], []} = OptionParser.parse(System.argv(), strict: [json: :string])

device = AMDGPU.open!()

source = """
extern "C" __global__ void empty() {}
extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}
"""

empty = Kernel.compile!(device, source, "empty")
saxpy = Kernel.compile!(device, source, "saxpy")
shape = [grid: 1, block: 1]
x = Buffer.zeros!(device, :f32, 64)
y = Buffer.zeros!(device, :f32, 64)
# Warm: the shape is specialised on, the pool has grown, the code is loaded.
for _ <- 1..10_000, do: AMDGPU.run!(empty, shape, [])
for _ <- 1..1_000, do: AMDGPU.run!(saxpy, [grid: 1, block: 64], [64, 2.0, x, y])
Process.sleep(500)

# The call alone: with room in the queue, so that it never waits.
launch =
  Enum.flat_map(1..20, fn _ ->
    times =
      Bench.times(2_000, fn ->
        AMDGPU.launch(saxpy, [grid: 1, block: 64], [64, 2.0, x, y])
      end)

    AMDGPU.synchronize!(device)
    times
  end)

hot = Bench.times(50_000, fn -> AMDGPU.run!(empty, shape, []) end)

idle =
  for _ <- 1..300 do
    Process.sleep(5)
    Bench.once(fn -> AMDGPU.run!(empty, shape, []) end)
  end

pipelined = 1_000_000

pipelined_ns =
  Bench.once(fn ->
    for _ <- 1..pipelined, do: {:ok, _} = AMDGPU.launch(empty, shape, [])
    AMDGPU.synchronize!(device)
  end)

# A source that no cache has; the constant makes it new each time.
blur = """
extern "C" __global__ void blur(const float* in, float* out, int width, int height) {
  __shared__ float tile[TILE + 4][TILE + 4];
  int x = blockIdx.x * TILE + threadIdx.x, y = blockIdx.y * TILE + threadIdx.y;
  for (int j = threadIdx.y; j < TILE + 4; j += TILE)
    for (int i = threadIdx.x; i < TILE + 4; i += TILE) {
      int u = min(max((int)(blockIdx.x * TILE) + i - 2, 0), width - 1);
      int v = min(max((int)(blockIdx.y * TILE) + j - 2, 0), height - 1);
      tile[j][i] = in[v * width + u];
    }
  __syncthreads();
  if (x >= width || y >= height) return;
  const float w[5] = {1, 4, 6, 4, 1};
  float sum = SALT * 0;
  for (int j = 0; j < 5; ++j)
    for (int i = 0; i < 5; ++i) sum += w[i] * w[j] * tile[threadIdx.y + j][threadIdx.x + i];
  out[y * width + x] = sum / 256;
}
"""

salt = System.os_time()
compile = fn n -> Kernel.compile!(device, blur, "blur", defines: %{TILE: 16, SALT: salt + n}) end
cold = for n <- 1..10, do: Bench.once(fn -> compile.(n) end)
memory = for _ <- 1..100, n <- 1..10, do: Bench.once(fn -> compile.(n) end)

# The disk's entries, for a device that has loaded none of them.
disk =
  for n <- 1..10 do
    other = AMDGPU.open!()
    Compiler.clear()

    ns =
      Bench.once(fn ->
        Kernel.compile!(other, blur, "blur", defines: %{TILE: 16, SALT: salt + n})
      end)

    AMDGPU.close(other)
    ns
  end

bytes = 64 * 1_048_576
data = :rand.bytes(1_048_576) |> :binary.copy(64)
memcpy = for _ <- 1..15, do: Native.bench_memcpy(data)

from_binary =
  for _ <- 1..15 do
    {ns, buffer} =
      (fn ->
         start = System.monotonic_time(:nanosecond)
         buffer = Buffer.from_binary!(device, :u8, data)
         {System.monotonic_time(:nanosecond) - start, buffer}
       end).()

    Buffer.free!(buffer)
    ns
  end

read_back = fn bytes ->
  buffer = Buffer.zeros!(device, :u8, bytes)
  AMDGPU.synchronize!(device)
  times = Bench.times(20, fn -> Buffer.to_binary!(buffer) end)
  Buffer.free!(buffer)
  Bench.percentile(times, 50)
end

to_binary_64m = read_back.(bytes)
to_binary_1g = read_back.(1024 * 1_048_576)

# Idle: the worker, and the threads that the library has in the VM.
worker = AMDGPU.stats(device).worker_pid
used = fn -> Bench.cpu_ns(worker, ~r//) + Bench.cpu_ns(System.pid(), ~r/^amdgpu/) end
Process.sleep(1_000)
before = used.()
Process.sleep(10_000)
idle_cpu = (used.() - before) / 10.0e9 * 100

AMDGPU.close(device)

us = &(&1 / 1_000)
ms = &(&1 / 1_000_000)
ratio = Enum.min(memcpy) / Enum.min(from_binary)
rate = pipelined / (pipelined_ns / 1.0e9)

# {name, value, unit, target, :at_most or :at_least}
rows = [
  {"launch call, p50", us.(Bench.percentile(launch, 50)), "µs", 2, :at_most},
  {"launch call, p99", us.(Bench.percentile(launch, 99)), "µs", nil, nil},
  {"launch to result, hot, p50", us.(Bench.percentile(hot, 50)), "µs", 10, :at_most},
  {"launch to result, hot, p99", us.(Bench.percentile(hot, 99)), "µs", nil, nil},
  {"launch to result, from idle, p50", us.(Bench.percentile(idle, 50)), "µs", 30, :at_most},
  {"pipelined empty kernels", rate, "/s", 300_000, :at_least},
  {"compile blur, cold, p50", ms.(Bench.percentile(cold, 50)), "ms", 80, :at_most},
  {"compile blur, disk cache, p50", ms.(Bench.percentile(disk, 50)), "ms", 3, :at_most},
  {"compile blur, memory cache, p50", us.(Bench.percentile(memory, 50)), "µs", 30, :at_most},
  {"from_binary 64 MB / memcpy", ratio, "x", 0.8, :at_least},
  {"to_binary 64 MB, p50", us.(to_binary_64m), "µs", 100, :at_most},
  {"to_binary 1 GB, p50", us.(to_binary_1g), "µs", 100, :at_most},
  # What rounds to 0.0.
  {"idle, CPU of worker and VM threads", idle_cpu, "%", 0.05, :at_most}
]

met = fn
  _value, nil, nil -> ""
  value, target, :at_most -> if value <= target, do: "yes", else: "NO"
  value, target, :at_least -> if value >= target, do: "yes", else: "NO"
end

show = fn
  value when value >= 10_000 -> value |> round() |> Integer.to_string()
  value -> :erlang.float_to_binary(value / 1, decimals: 2)
end

IO.puts(
  String.pad_trailing("", 38) <>
    String.pad_leading("measured", 14) <> String.pad_leading("target", 14) <> "   met"
)

for {name, value, unit, target, sense} <- rows do
  sign = if sense == :at_least, do: "≥ ", else: "≤ "
  target_text = if target, do: "#{sign}#{target} #{unit}", else: ""

  IO.puts(
    String.pad_trailing(name, 38) <>
      String.pad_leading("#{show.(value)} #{unit}", 14) <>
      String.pad_leading(target_text, 14) <> "   " <> met.(value, target, sense)
  )
end

if path = options[:json] do
  lines =
    Enum.map_join(rows, ",\n", fn {name, value, unit, target, _} ->
      ~s(  {"name": "#{name}", "value": #{value / 1}, "unit": "#{unit}", "target": #{target || "null"}})
    end)

  File.write!(path, "[\n#{lines}\n]\n")
end
