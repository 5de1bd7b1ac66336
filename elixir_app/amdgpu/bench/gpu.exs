# The Elixir half of bench/gpu.sh: what a program gets of a GPU, in one table beside the vendor's own figures.
#
#     mix run bench/gpu.exs --prepare FILE    which GPU, and a bundle with an empty kernel for it
#     mix run bench/gpu.exs --native FILE     FILE is what amdgpu_bench_vendor --lines wrote
#
# Each figure is the best of several rounds, launch to awaited result. A row whose job fails says why and has no figure.
alias AMDGPU.{Blas, Buffer, Bundle, Kernel, Math}

{options, [], []} =
  OptionParser.parse(System.argv(), strict: [prepare: :string, native: :string, standin: :boolean])

defmodule Measure do
  @rounds 5

  @doc "Seconds of the quickest of some calls, after one that does not count."
  def best(fun) do
    fun.()

    times =
      for _ <- 1..@rounds do
        start = System.monotonic_time(:nanosecond)
        fun.()
        System.monotonic_time(:nanosecond) - start
      end

    Enum.min(times) * 1.0e-9
  end

  @doc "A row's figure, or why there is none."
  def try(fun) do
    fun.()
  rescue
    error -> {:none, error |> Exception.message() |> String.split("\n") |> hd()}
  end
end

empty = ~S|extern "C" __global__ void empty() {}|

fail = fn text ->
  IO.puts(text)
  System.halt(1)
end

device =
  case AMDGPU.open() do
    {:ok, %{properties: %{kind: :host}}} -> fail.("AMDGPU.open() finds the host device alone")
    {:ok, device} -> device
    {:error, error} -> fail.(Exception.message(error))
  end

if file = options[:prepare] do
  case Kernel.compile_for([device.properties.arch], empty, "empty") do
    {:ok, bundle} -> Bundle.write!(bundle, file)
    {:error, error} -> fail.(Exception.message(error))
  end

  IO.puts("#{device.properties.kind} #{device.properties.name}")
  System.halt(0)
end

standin? = options[:standin] == true

native =
  for line <- options[:native] |> File.read!() |> String.split("\n", trim: true),
      [side, name, value] = String.split(line, "\t"),
      into: %{} do
    if side == "about",
      do: {:about, name},
      else: {{String.to_existing_atom(side), name}, value |> Float.parse() |> elem(0)}
  end

_sides = [:vendor, :driver, :worker]

# Sizes that keep a GPU busy for long enough to be measured from here.
# Three arrays of a gigabyte, or a quarter of that on small cards.
large? = device.properties.memory_bytes >= 12 * 1_073_741_824
n = if standin?, do: 65_536, else: if(large?, do: 268_435_456, else: 67_108_864)
side = if standin?, do: 48, else: 4096
pinned = if standin?, do: 1_048_576, else: 268_435_456
repeat = if standin?, do: 2, else: 20

gb = 4.0e-9 * n
vendor = fn name -> native[{:vendor, name}] end

# `repeat` launches one behind the other, the last one awaited: what the device does, not what a call takes.
throughput = fn amount, job ->
  Measure.try(fn ->
    seconds =
      Measure.best(fn ->
        for _ <- 2..repeat//1, do: job.(false)
        job.(true)
      end)

    repeat * amount / seconds
  end)
end

elementwise = fn name, amount, job ->
  {"#{name}, GB/s", vendor.("copy.within GB/s"), throughput.(amount, job), :at_least, 0.90}
end

floats = fn -> Buffer.new!(device, :f32, n) end
x = floats.() |> tap(&Buffer.fill!(&1, 0.5))
y = floats.() |> tap(&Buffer.fill!(&1, 0.25))
z = floats.()
one = Buffer.new!(device, :f32, 1)
index = Buffer.new!(device, :i64, 1)

launches =
  Measure.try(fn ->
    kernel = Kernel.compile!(device, empty, "empty")
    shape = [grid: 1, block: 1]

    awaited = Measure.best(fn -> for _ <- 1..2000, do: AMDGPU.run!(kernel, shape, []) end) / 2000

    pipelined =
      Measure.best(fn ->
        for(_ <- 1..20_000, do: AMDGPU.launch!(kernel, shape, []))
        |> List.last()
        |> AMDGPU.await!()
      end) / 20_000

    {awaited * 1.0e6, pipelined * 1.0e6}
  end)

figure = fn
  {:none, why}, _index -> {:none, why}
  figures, index -> elem(figures, index)
end

launch_rows =
  for {where, awaited, pipelined} <- [
        {"driver in process", native[{:driver, "launch.awaited us"}],
         native[{:driver, "launch.pipelined us"}]},
        {"worker, from C++", native[{:worker, "launch.awaited us"}],
         native[{:worker, "launch.pipelined us"}]},
        {"worker, from Elixir", figure.(launches, 0), figure.(launches, 1)}
      ],
      row <- [
        {"launch and wait, µs: #{where}", vendor.("launch.awaited us"), awaited, :within, 6.0},
        {"launches in a row, µs each: #{where}", vendor.("launch.pipelined us"), pipelined,
         :rate_at_least, 0.80}
      ],
      do: row

copy_rows =
  [
    {"copy within the device, GB/s: from C++", vendor.("copy.within GB/s"),
     native[{:worker, "copy.within GB/s"}], :at_least, 0.90},
    {"copy within the device, GB/s: from Elixir", vendor.("copy.within GB/s"),
     throughput.(2 * gb, fn await ->
       Buffer.copy!(z, x)
       if await, do: AMDGPU.synchronize!(device)
     end), :at_least, 0.90},
    {"copy to the device, GB/s: driver", vendor.("copy.in GB/s"),
     native[{:driver, "copy.in GB/s"}], :at_least, 0.95},
    {"copy from the device, GB/s: driver", vendor.("copy.out GB/s"),
     native[{:driver, "copy.out GB/s"}], :at_least, 0.95},
    {"copy to the device, GB/s: worker", vendor.("copy.in GB/s"),
     native[{:worker, "copy.in GB/s"}], :at_least, 0.95},
    {"copy from the device, GB/s: worker", vendor.("copy.out GB/s"),
     native[{:worker, "copy.out GB/s"}], :at_least, 0.95}
  ] ++
    (
      bytes = :crypto.strong_rand_bytes(pinned)
      buffer = Buffer.new!(device, :u8, pinned)
      rate = fn job -> Measure.try(fn -> pinned * 1.0e-9 / Measure.best(job) end) end

      [
        {"copy to the device, GB/s: from Elixir", vendor.("copy.in GB/s"),
         rate.(fn -> Buffer.write!(buffer, bytes) end), :at_least, 0.95},
        {"copy from the device, GB/s: from Elixir", vendor.("copy.out GB/s"),
         rate.(fn -> Buffer.to_binary!(buffer) end), :at_least, 0.95}
      ]
    )

kernel_rows = [
  elementwise.("copy kernel", 2 * gb, &Math.copy!(x, out: z, await: &1)),
  elementwise.("fill kernel", gb, &Math.fill!(z, 1.0, await: &1)),
  elementwise.("add", 3 * gb, &Math.add!(x, y, out: z, await: &1)),
  elementwise.("tanh", 2 * gb, &Math.map!(x, :tanh, out: z, await: &1)),
  elementwise.("saxpy", 3 * gb, &Math.saxpy!(0.5, x, z, await: &1)),
  elementwise.("sum", gb, &Math.sum!(x, out: one, await: &1)),
  elementwise.("max", gb, &Math.max!(x, out: one, await: &1)),
  elementwise.("argmax", gb, &Math.argmax!(x, out: index, await: &1)),
  elementwise.("scan", 2 * gb, &Math.scan!(x, out: z, await: &1)),
  elementwise.("transpose", 2 * gb, fn await ->
    half = trunc(:math.sqrt(n))
    Math.transpose!(x, {half, half}, out: z, await: await)
  end)
]

product_rows =
  for dtype <- [:f32, :f64, :f16, :bf16],
      {who, library?, how, target} <- [
        {"library through the worker", true, :at_least, 0.97},
        {"the runtime's own kernel", false, :told, nil}
      ] do
    name = "gemm.#{dtype} TFLOP/s"
    teraflop = 2.0e-12 * side * side * side

    measured =
      with {:ok, _} <- if(library?, do: Blas.library(device), else: {:ok, nil}) do
        matrices = for _ <- 1..3, do: Buffer.zeros!(device, dtype, side * side)
        [a, b, c] = matrices

        rate =
          throughput.(teraflop, fn await ->
            Blas.gemm!(a, b, c, {side, side, side}, library: library?, await: await)
          end)

        Enum.each(matrices, &Buffer.free!/1)
        rate
      else
        {:error, error} -> {:none, Exception.message(error)}
      end

    {"gemm #{dtype} #{side}³, TFLOP/s: #{who}", vendor.(name), measured, how, target}
  end

# An illegal address, and the time from the launch that does it to the next one that works.
restart =
  Measure.try(fn ->
    source = ~S"""
    extern "C" __global__ void add_one(int* data, int n) {
      for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) ++data[i];
    }
    """

    bad = Kernel.compile!(device, source, "add_one")
    good = Kernel.compile!(device, empty, "empty")
    data = Buffer.new!(device, :i32, 1024)
    start = System.monotonic_time(:millisecond)
    # Far behind the device's memory.
    {:error, %AMDGPU.KernelFault{}} =
      AMDGPU.run(bad, [grid: 4096, block: 256], [data, 0x7FFFFFFF])

    # Not for ever, should the device not come back.
    fn -> {AMDGPU.run(good, [grid: 1, block: 1], []), System.monotonic_time(:millisecond)} end
    |> Stream.repeatedly()
    |> Enum.find_value(fn
      {{:ok, _}, now} -> (now - start) / 1000
      {{:error, error}, now} when now - start > 30_000 -> raise error
      {{:error, _}, _now} -> nil
    end)
  end)

restart_rows = [{"a fault to the next good launch, s", nil, restart, :at_most, 2.0}]

# The table.

number = fn
  nil -> "–"
  {:none, _why} -> "–"
  value when value >= 100 -> :erlang.float_to_binary(value / 1, decimals: 0)
  value -> :erlang.float_to_binary(value / 1, decimals: 2)
end

met = fn fits? -> if fits?, do: "yes", else: "no" end

# {ratio, whether that is what was wanted}
judge = fn
  _raw, {:none, _why}, _how, _target -> {"–", "–"}
  _raw, nil, _how, _target -> {"–", "–"}
  nil, ours, :at_most, most -> {"–", met.(ours <= most)}
  nil, _ours, _how, _target -> {"–", "–"}
  raw, ours, :told, _target -> {number.(ours / raw), "–"}
  raw, ours, :at_least, least -> {number.(ours / raw), met.(ours / raw >= least)}
  raw, ours, :rate_at_least, least -> {number.(raw / ours), met.(raw / ours >= least)}
  raw, ours, :within, more -> {"+ " <> number.(ours - raw), met.(ours - raw <= more)}
end

target = fn
  :at_least, value -> "≥ #{value}"
  :rate_at_least, value -> "≥ #{value}"
  :within, value -> "≤ + #{value} µs"
  :at_most, value -> "≤ #{value}"
  :told, _ -> ""
end

if standin?,
  do: IO.puts("# THE TESTS' STAND-IN: these numbers mean nothing\n"),
  else: IO.puts("# #{device.properties.name}\n")

{uname, 0} = System.cmd("uname", ["-srm"])

IO.puts(
  "#{native[:about]}; #{System.schedulers_online()} cores, #{String.trim(uname)}; #{DateTime.utc_now() |> DateTime.truncate(:second)}\n"
)

IO.puts("| | vendor's own | here | ratio | target | met |")
IO.puts("|---|---:|---:|---:|---:|---|")

rows = copy_rows ++ kernel_rows ++ launch_rows ++ product_rows ++ restart_rows

for {name, raw, ours, how, wanted} <- rows do
  {ratio, met} = judge.(raw, ours, how, wanted)

  IO.puts(
    "| #{name} | #{number.(raw)} | #{number.(ours)} | #{ratio} | #{target.(how, wanted)} | #{met} |"
  )
end

missing = for {name, _raw, {:none, why}, _how, _target} <- rows, do: {name, why}

unless missing == [] do
  IO.puts("\nNot measured:\n")
  for {name, why} <- missing, do: IO.puts("- #{name}: #{why}")
end

AMDGPU.close(device)
