# The figures of telemetry that a user sees: `mix run bench/telemetry.exs`.
#
# Latency is from the end of a sampling in the worker to the decoded frame in a subscriber. The overhead on
# launches is that of one run against another, turn by turn, on the same device.
alias AMDGPU.{Buffer, Kernel, Telemetry}

device = AMDGPU.open!(:host)

percentile = fn list, p ->
  sorted = Enum.sort(list)
  Enum.at(sorted, min(length(sorted) - 1, floor(length(sorted) * p / 100)))
end

median = &percentile.(&1, 50)

report = fn what, text -> IO.puts(String.pad_trailing(what, 62) <> text) end

# Frames hold both clocks, so that the sample's time can be told by the wall clock here.
latencies = fn count ->
  for _ <- 1..count do
    receive do
      {:amdgpu_frame, frame} ->
        now = :os.system_time(:nanosecond)
        [sample] = frame.devices
        now - (sample.sampler.sample_ns + frame.unix_ns - frame.time_ns)
    after
      5_000 -> raise "no frame"
    end
  end
end

:ok = Telemetry.subscribe()
latencies.(60)
times = latencies.(600)

report.(
  "sample to decoded frame in a subscriber, 60 Hz",
  "p50 #{Float.round(median.(times) / 1.0e6, 2)} ms   p99 #{Float.round(percentile.(times, 99) / 1.0e6, 2)} ms"
)

:ok = Telemetry.unsubscribe()

# Processor time of this VM's and the worker's threads, for some seconds.
cpu = fn pid ->
  for task <- File.ls!("/proc/#{pid}/task"),
      {:ok, text} <- [File.read("/proc/#{pid}/task/#{task}/schedstat")],
      reduce: 0 do
    sum -> sum + (text |> String.split() |> hd() |> String.to_integer())
  end
end

share = fn seconds ->
  worker = AMDGPU.stats(device).worker_pid
  before = cpu.(System.pid()) + cpu.(worker)
  Process.sleep(seconds * 1000)
  (cpu.(System.pid()) + cpu.(worker) - before) / (seconds * 1.0e7)
end

:ok = Telemetry.set_rate(0)
Process.sleep(500)
off = share.(8)
:ok = Telemetry.set_rate(60)
Process.sleep(500)
none = share.(8)

loop = fn loop ->
  receive do
    {:amdgpu_frame, _} -> loop.(loop)
    :stop -> :ok
  end
end

subscribers =
  for _ <- 1..10 do
    spawn_link(fn ->
      :ok = Telemetry.subscribe()
      loop.(loop)
    end)
  end

Process.sleep(500)
ten = share.(8)
Enum.each(subscribers, &send(&1, :stop))
Process.sleep(200)
percent = &"#{Float.round(&1, 2)} % of a core"
report.("VM and worker idle, telemetry off", percent.(off))
report.("VM and worker idle, 60 Hz, no subscriber", percent.(none))
report.("VM and worker idle, 60 Hz, 10 subscribers (decoded)", percent.(ten))

source = """
extern "C" __global__ void empty() {}
extern "C" __global__ void busy(int steps, unsigned* out) {
  unsigned x = threadIdx.x + 1;
  for (int i = 0; i < steps; ++i) x = x * 1664525u + 1013904223u + (x >> 7);
  out[0] = x;
}
"""

empty = Kernel.compile!(device, source, "empty")
busy = Kernel.compile!(device, source, "busy")
out = Buffer.zeros!(device, :u32, 1)

pipelined = fn count ->
  {us, :ok} =
    :timer.tc(fn ->
      for _ <- 1..count, do: {:ok, _} = AMDGPU.launch(empty, [grid: 1, block: 1], [])
      AMDGPU.synchronize!(device)
    end)

  us / count
end

# About a millisecond each, one after the other.
steps = 1_000_000

{us, _} =
  :timer.tc(fn -> for _ <- 1..20, do: AMDGPU.run!(busy, [grid: 1, block: 1], [steps, out]) end)

steps = round(steps * 20_000 / us)

milliseconds = fn ->
  {us, _} =
    :timer.tc(fn -> for _ <- 1..40, do: AMDGPU.run!(busy, [grid: 1, block: 1], [steps, out]) end)

  us / 40
end

# On against off, in turns that are short and many, so that both see the same machine; per cent, and the
# standard error of it. `on` has a subscriber: frames are made 60 times a second.
compare = fn fun, turns ->
  logs =
    for turn <- 1..turns do
      measure = fn rate ->
        Telemetry.set_rate(rate)
        Process.sleep(20)
        {rate, fun.()}
      end

      times = Map.new(if(rem(turn, 2) == 0, do: [60, 0], else: [0, 60]), measure)
      :math.log(times[60] / times[0])
    end

  mean = Enum.sum(logs) / turns
  variance = Enum.sum(for log <- logs, do: (log - mean) ** 2) / (turns - 1)
  {100 * (:math.exp(mean) - 1), 100 * :math.sqrt(variance / turns)}
end

pipelined.(50_000)

subscriber =
  spawn_link(fn ->
    :ok = Telemetry.subscribe(as: :encoded)
    loop.(loop)
  end)

for {what, turns, fun} <- [
      {"empty kernels, pipelined", 300, fn -> pipelined.(30_000) end},
      {"kernels of 1 ms", 100, milliseconds}
    ] do
  {change, error} = compare.(fun, turns)

  report.(
    "#{what}: telemetry on against off",
    "#{Float.round(change, 2)} % (± #{Float.round(error, 2)})"
  )
end

send(subscriber, :stop)
Telemetry.set_rate(60)
AMDGPU.close(device)
