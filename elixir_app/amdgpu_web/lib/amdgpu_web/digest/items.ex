defmodule AMDGPUWeb.Digest.Items do
  @moduledoc false
  # Frames in, items out: those that differ from what was told before. No processes.

  alias AMDGPU.Telemetry

  # So many compiles and events are kept.
  @most_kept 100
  # An owner without memory is of interest for so long after it was last heard of.
  @silence_ns 60_000_000_000

  defstruct now: %{}, told: %{}, order: [], since: %{}, launched: %{}, seen: %{}

  @kinds [:devices, :kernels, :owners, :compiles, :events]

  def new, do: %__MODULE__{}

  def none, do: @kinds |> Map.new(&{&1, []}) |> Map.put(:gone, [])

  @doc "Takes in what a frame says of work; every frame, as some of it is in one frame alone."
  def work(items, frame) do
    launched = Enum.frequencies_by(frame.launches, & &1.owner)
    items = %{items | launched: Map.merge(items.launched, launched, fn _, a, b -> a + b end)}

    items
    |> see(frame)
    |> kernels(frame)
    |> compiles(frame)
    |> events(frame)
  end

  @doc "Takes in what a frame says of devices and owners; the latest one has it all."
  def state(items, frame), do: items |> see(frame) |> devices(frame) |> owners(frame)

  # A frame names the owners that are in it.
  defp see(items, frame) do
    seen = Map.new(frame.owners, &{&1.owner, {&1, frame.time_ns}})
    %{items | seen: Map.merge(items.seen, seen)}
  end

  @doc "`{[{key, item}] that changed, [key] that are gone, items}` since it was asked before."
  def changes(items) do
    changed = for {key, item} <- items.now, Map.get(items.told, key) != item, do: {key, item}
    gone = for {key, _} <- items.told, not is_map_key(items.now, key), do: key
    {changed, gone, %{items | told: items.now}}
  end

  @doc "The devices that a frame says were lost."
  def losses(frame) do
    for %{kind: :device_lost} = event <- frame.events,
        do: %{device: event.device, time_ns: event.time_ns, message: event.message}
  end

  defp put(items, kind, id, item), do: %{items | now: Map.put(items.now, {kind, id}, item)}

  defp devices(items, frame) do
    open = MapSet.new(frame.devices, & &1.device)

    # What ran on a closed device goes with it; nobody may have looked while it was open.
    now =
      Map.reject(items.now, fn
        {{:devices, id}, _} -> id not in open
        {{:kernels, _}, kernel} -> kernel.device not in open
        _ -> false
      end)

    Enum.reduce(frame.devices, %{items | now: now}, &device(&1, &2, frame))
  end

  defp device(sample, items, frame) do
    pid = if sample.worker, do: sample.worker.pid, else: 0
    {since, items} = worker_since(items, sample, frame)

    put(items, :devices, sample.device, %{
      id: sample.device,
      label: "#{sample.kind}:#{sample.index}",
      kind: sample.kind,
      name: sample.name,
      arch: sample.arch,
      compute_units: sample.compute_units,
      pci_address: sample.pci_address,
      worker_pid: pid,
      worker_since: since,
      restarts: if(sample.worker, do: sample.worker.restarts, else: 0),
      launches: sample.launches_total,
      in_flight: sample.launches_in_flight > 0,
      reserved: sample.pool && sample.pool.reserved_bytes,
      used: sample.pool && rough(sample.pool.used_bytes),
      fragmentation: sample.pool && Float.round(sample.pool.fragmentation_ratio * 1.0, 2),
      power: whole(Telemetry.value(sample, :power_watts)),
      temperature: whole(temperature(sample))
    })
  end

  # By the wall clock, told once: what is near the next second would be news in every other frame.
  defp worker_since(items, %{device: device, worker: %{started_ns: started}}, frame) do
    case items.since do
      %{^device => {^started, since}} ->
        {since, items}

      known ->
        seconds = div(frame.unix_ns - frame.time_ns + started, 1_000_000_000)
        {seconds, %{items | since: Map.put(known, device, {started, seconds})}}
    end
  end

  defp worker_since(items, _sample, _frame), do: {0, items}

  defp temperature(sample) do
    sample.values
    |> Enum.filter(&(&1.metric == :temperature_celsius and &1.absence == nil))
    |> Enum.max_by(& &1.value, fn -> nil end)
    |> case do
      nil -> {:absent, :unsupported}
      value -> {:ok, value.value}
    end
  end

  defp whole({:ok, value}), do: round(value)
  defp whole({:absent, _}), do: nil

  # Three digits: what changes less is no news.
  defp rough(bytes) when bytes < 1000, do: bytes

  defp rough(bytes) do
    step = trunc(:math.pow(10, trunc(:math.log10(bytes)) - 2))
    div(bytes, step) * step
  end

  defp kernels(items, frame) do
    Enum.reduce(frame.kernels, items, fn kernel, items ->
      work = kernel.work

      put(items, :kernels, kernel.kernel, %{
        id: kernel.kernel,
        name: kernel.name,
        device: kernel.device,
        core_class: kernel.core_class || :aura,
        launches: work.launches_total,
        failed: work.failed_total,
        busy_ns: work.busy_ns_total,
        bytes: work.bytes_total,
        p50_ns: work.p50_ns,
        p99_ns: work.p99_ns
      })
    end)
  end

  defp owners(items, frame) do
    held =
      for device <- frame.devices, device.pool, use <- device.pool.owners, reduce: %{} do
        held ->
          Map.update(held, use.owner, {use.bytes, use.buffers}, fn {bytes, buffers} ->
            {bytes + use.bytes, buffers + use.buffers}
          end)
      end

    Enum.reduce(items.seen, items, fn {id, {owner, time_ns}}, items ->
      {bytes, buffers} = Map.get(held, id, {0, 0})

      if bytes == 0 and (owner.ended or frame.time_ns - time_ns > @silence_ns) do
        forget_owner(items, id)
      else
        put(items, :owners, id, %{
          id: id,
          process: owner.process,
          name: owner.name,
          ended: owner.ended,
          bytes: bytes,
          buffers: buffers,
          launches: Map.get(items.launched, id, 0)
        })
      end
    end)
  end

  defp forget_owner(items, owner) do
    %{
      items
      | now: Map.delete(items.now, {:owners, owner}),
        launched: Map.delete(items.launched, owner),
        seen: Map.delete(items.seen, owner)
    }
  end

  defp compiles(items, frame) do
    owners = Map.new(frame.owners, &{&1.owner, &1.process})

    Enum.reduce(frame.compiles, items, fn compile, items ->
      id = {compile.started_ns, compile.kernel}

      keep(items, :compiles, id, %{
        id: "#{compile.started_ns}-#{:erlang.phash2(compile.kernel)}",
        at: unix_seconds(frame, compile.ended_ns),
        kernel: compile.kernel,
        device: compile.device,
        owner: Map.get(owners, compile.owner, ""),
        origin: compile.origin,
        failed: compile.status != 0,
        message: compile.message,
        specialisation: compile.specialisation,
        duration_ns: max(0, compile.ended_ns - compile.started_ns)
      })
    end)
  end

  defp events(items, frame) do
    Enum.reduce(frame.events, items, fn event, items ->
      id = {event.time_ns, event.kind, event.device}

      keep(items, :events, id, %{
        id: "#{event.time_ns}-#{event.kind}-#{event.device}",
        at: unix_seconds(frame, event.time_ns),
        kind: event.kind,
        device: event.device,
        message: event.message,
        bytes: event.bytes
      })
    end)
  end

  defp keep(items, kind, id, item) do
    items = put(%{items | order: [{kind, id} | items.order]}, kind, id, item)

    if length(items.order) > 2 * @most_kept do
      {kept, dropped} = Enum.split(items.order, @most_kept)
      %{items | order: kept, now: Map.drop(items.now, dropped)}
    else
      items
    end
  end

  defp unix_seconds(frame, time_ns),
    do: div(frame.unix_ns - (frame.time_ns - time_ns), 1_000_000_000)
end
