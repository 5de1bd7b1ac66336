defmodule AMDGPU.TelemetryTest do
  use AMDGPU.DeviceCase
  import AMDGPU.DeviceCase, only: [eventually: 1]

  alias AMDGPU.{Buffer, ProfilerHub, Telemetry}
  alias AMDGPU.NIF.{AuraCore, MatrixCore, NeuromorphicCore}
  alias AMDGPU.Telemetry.Frame

  setup do
    on_exit(fn -> Telemetry.set_rate(60) end)
    :ok
  end

  # The frames that come within `ms` milliseconds.
  defp frames(ms) do
    deadline = System.monotonic_time(:millisecond) + ms
    collect(deadline, [])
  end

  defp collect(deadline, frames) do
    receive do
      {:amdgpu_frame, frame} -> collect(deadline, [frame | frames])
    after
      max(0, deadline - System.monotonic_time(:millisecond)) -> Enum.reverse(frames)
    end
  end

  # Receives frames until `fun` finds something in one.
  defp find(fun, ms \\ 5_000) do
    receive do
      {:amdgpu_frame, frame} -> fun.(frame) || find(fun, ms)
    after
      ms -> flunk("no frame with it came")
    end
  end

  defp our(frame, device) do
    pid = AMDGPU.stats(device).worker_pid
    Enum.find(frame.devices, &(&1.worker && &1.worker.pid == pid))
  end

  test "frames come at the rate that was asked for, in order" do
    for {rate, most} <- [{60, 75}, {30, 40}, {10, 14}] do
      :ok = Telemetry.subscribe(rate: rate)
      frames = frames(1_000)
      assert length(frames) in div(rate, 3)..most, "#{length(frames)} frames at #{rate} Hz"
      sequences = Enum.map(frames, & &1.sequence)
      assert sequences == sequences |> Enum.sort() |> Enum.uniq()
      :ok = Telemetry.unsubscribe()
      frames(0)
    end

    frames(100)
    assert frames(200) == []
  end

  test "a device has values with their age, and says why one is missing", %{device: device} do
    :ok = Telemetry.subscribe()

    sample =
      find(fn frame ->
        sample = our(frame, device)
        if sample && match?({:ok, _}, Telemetry.value(sample, :utilization_ratio)), do: sample
      end)

    assert sample.kind == "host"
    assert {:ok, used} = Telemetry.value(sample, :memory_used_bytes)
    assert {:ok, total} = Telemetry.value(sample, :memory_total_bytes)
    assert used > 0 and used < total
    assert length(sample.core_utilization) == System.schedulers()
    assert {:absent, :unsupported} = Telemetry.value(sample, :no_such_metric)

    for value <- sample.values do
      assert value.absence == nil or is_atom(value.absence)
      assert value.source == "host"
    end

    used = Enum.find(sample.values, &(&1.metric == :memory_used_bytes))
    assert used.age_us < 2_000_000
    assert sample.worker.rss_bytes > 0
    assert sample.sampler.rate_hz > 0
  end

  test "every launch is in a frame, once, with kernel, owner, label and work", %{device: device} do
    empty = kernel(device, :empty, core: :matrix)
    :ok = Telemetry.subscribe(credit: 1000)
    me = self() |> :erlang.pid_to_list() |> List.to_string()

    for n <- 1..200 do
      {:ok, _} =
        AMDGPU.launch(
          empty,
          [grid: {2, 3}, block: 4, label: "step #{n}", bytes: 100, flops: 7],
          []
        )
    end

    AMDGPU.synchronize!(device)

    {launches, frame} = launches_with_label(200, [])
    assert launches |> Enum.map(& &1.ticket) |> Enum.uniq() |> length() == 200

    for {launch, n} <- Enum.with_index(Enum.sort_by(launches, & &1.ticket), 1) do
      assert launch.label == "step #{n}"
      assert launch.grid == [2, 3, 1]
      assert launch.block == [4, 1, 1]
      assert launch.core_class == :matrix
      assert launch.bytes == 100
      assert launch.flops == 7
      assert launch.queued_ns <= launch.started_ns
      assert launch.started_ns <= launch.ended_ns
      assert launch.status == 0
    end

    owner = Enum.find(frame.owners, &(&1.owner == hd(launches).owner))
    assert owner.process == me
    named = Enum.find(frame.kernels, &(&1.kernel == hd(launches).kernel))
    assert named.name == "empty"
    assert named.work.launches_total >= 200
    assert named.work.p50_ns > 0
    assert named.work.bytes_total >= 20_000
  end

  defp launches_with_label(count, found) do
    receive do
      {:amdgpu_frame, frame} ->
        assert frame.launches_omitted == 0
        found = found ++ Enum.filter(frame.launches, &(&1.label =~ "step"))
        if length(found) >= count, do: {found, frame}, else: launches_with_label(count, found)
    after
      5_000 -> flunk("#{length(found)} launches of #{count}")
    end
  end

  test "above the limit launches are counted, and the totals have them all", %{device: device} do
    empty = kernel(device, :empty)
    :ok = Telemetry.subscribe()
    before = find(&(our(&1, device) && our(&1, device).launches_total))
    since = Telemetry.latest().sequence
    for _ <- 1..20_000, do: AMDGPU.launch!(empty, [grid: 1, block: 1], [])
    AMDGPU.synchronize!(device)
    find(&(our(&1, device).launches_total >= before + 20_000))
    assert our(Telemetry.latest(), device).launches_total == before + 20_000

    frames = for bytes <- ProfilerHub.window(1000), do: Telemetry.decode!(bytes)
    frames = Enum.filter(frames, &(&1.sequence > since))
    assert Enum.all?(frames, &(length(&1.launches) <= 512))
    listed = frames |> Enum.flat_map(& &1.launches) |> Enum.map(& &1.ticket)
    omitted = frames |> Enum.map(& &1.launches_omitted) |> Enum.sum()
    assert listed == Enum.uniq(listed)
    assert listed != [] and omitted > 0
    assert length(listed) + omitted == 20_000
  end

  test "what runs is among the active launches, with who made it", %{device: device} do
    busy = kernel(device, :busy)
    out = Buffer.zeros!(device, :u32, 1)
    :ok = Telemetry.subscribe()
    job = AMDGPU.launch!(busy, [grid: 1, block: 1, label: :long], [300, out])
    active = find(fn frame -> Enum.find(frame.active, &(&1.label == "long")) end)
    assert active.first_in_stream
    assert active.queued_ns > 0
    AMDGPU.await!(job)
    assert find(fn frame -> frame.active == [] end)
  end

  test "a block says since when it has been there", %{device: device} do
    :ok = Telemetry.subscribe(credit: 1000)
    one = 777 * 256
    sizes = [one, 778 * 256]

    blocks = fn frame ->
      sample = our(frame, device)
      for block <- (sample && sample.pool.blocks) || [], do: {block.bytes, block.allocated_ns}
    end

    old = Buffer.new!(device, :u8, one)

    {old_ns, between} =
      find(&((found = List.keyfind(blocks.(&1), one, 0)) && {elem(found, 1), &1.time_ns}))

    assert old_ns in 1..between

    # One in the place of the old one, and one beside it.
    :ok = Buffer.free(old)
    new = for size <- sizes, do: Buffer.new!(device, :u8, size)

    {new_ns, now} =
      find(fn frame ->
        found = for {bytes, ns} <- blocks.(frame), bytes in sizes, do: ns
        if length(found) == 2, do: {found, frame.time_ns}
      end)

    # The clock is that of the kernel's last tick, which may be 10 ms old.
    for ns <- new_ns, do: assert(ns in (between - 11_000_000)..now)
    Enum.each(new, &Buffer.free/1)
  end

  test "the pool, its holders, copies and compiles", %{device: device} do
    :ok = Telemetry.subscribe(credit: 1000)
    me = self() |> :erlang.pid_to_list() |> List.to_string()
    x = Buffer.from_binary!(device, :u8, :binary.copy(<<1>>, 1_000_000))
    y = Buffer.new!(device, :u8, 1_000_000)
    :ok = Buffer.copy(y, x)
    AMDGPU.synchronize!(device)

    held =
      find(fn frame ->
        sample = our(frame, device)
        owner = Enum.find(frame.owners, &(&1.process == me))
        use = owner && sample && Enum.find(sample.pool.owners, &(&1.owner == owner.owner))
        if use && use.bytes >= 2_000_000 && sample.copies_within.count_total > 0, do: sample
      end)

    assert held.pool.used_bytes >= 2_000_000
    assert held.pool.reserved_bytes >= held.pool.used_bytes
    assert held.pool.pool_count > 0
    assert held.copies_in.bytes_total >= 1_000_000
    assert held.copies_within.bytes_total >= 1_000_000

    # The blocks come in some of the frames: ours are among them, and none overlaps another.
    {pool, owner} =
      find(fn frame ->
        sample = our(frame, device)
        owner = Enum.find(frame.owners, &(&1.process == me))
        if owner && sample && sample.pool.blocks != [], do: {sample.pool, owner.owner}
      end)

    assert Enum.count(pool.blocks, &(&1.owner == owner and &1.bytes >= 1_000_000)) >= 2
    assert pool.blocks_omitted > 0 or Enum.sum(Enum.map(pool.blocks, & &1.bytes)) > 2_000_000
    assert Enum.sum(Enum.map(pool.regions, & &1.bytes)) == pool.reserved_bytes

    for [a, b] <- Enum.chunk_every(pool.blocks, 2, 1, :discard),
        do: assert(a.offset + a.bytes <= b.offset)

    for block <- pool.blocks do
      assert Enum.any?(
               pool.regions,
               &(block.offset >= &1.offset and block.offset < &1.offset + &1.bytes)
             )
    end

    unique = "extern \"C\" __global__ void k#{System.unique_integer([:positive])}() {}"
    [name] = Regex.run(~r/k\d+/, unique)
    AMDGPU.Kernel.compile!(device, unique, name)
    compile = find(fn frame -> Enum.find(frame.compiles, &(&1.kernel == name)) end)
    assert compile.origin == :compiled
    assert compile.status == 0
    assert compile.ended_ns > compile.started_ns
    assert compile.message == ""

    {:error, _} = AMDGPU.Kernel.compile(device, "__global__ void wrong() { missing(); }", "wrong")
    failed = find(fn frame -> Enum.find(frame.compiles, &(&1.kernel == "wrong")) end)
    assert failed.status != 0
    assert failed.message =~ "missing"
    Buffer.free(x)
    Buffer.free(y)
  end

  test "a worker that dies is an event, and its launches are accounted for", %{} do
    {:ok, device} = AMDGPU.open(:host, printf: :ignore, threads: 1)
    trap = kernel(device, :trap)
    :ok = Telemetry.subscribe(credit: 1000)
    first = find(&our(&1, device))
    {:error, _} = AMDGPU.run(trap, [grid: 1, block: 1, label: "trap"], [])

    {frame, sample} =
      find(fn frame ->
        sample = our(frame, device)
        if sample && sample.worker.restarts == 1 && sample.worker.pid > 0, do: {frame, sample}
      end)

    assert sample.launches_in_flight == 0
    assert sample.worker.pid != first.worker.pid
    assert sample.worker.started_ns in first.worker.started_ns..frame.time_ns
    assert sample.worker.started_ns > first.worker.started_ns

    events =
      for bytes <- ProfilerHub.window(200),
          event <- Telemetry.decode!(bytes).events,
          event.device == sample.device,
          do: {event.kind, event.message}

    assert [{:device_opened, _}, {:device_lost, message}, {:device_restarted, _}] =
             Enum.filter(events, fn {kind, _} -> Atom.to_string(kind) =~ "device" end)

    assert message =~ "trap"

    [launch] =
      for bytes <- ProfilerHub.window(200),
          launch <- Telemetry.decode!(bytes).launches,
          launch.label == "trap",
          do: launch

    assert launch.status != 0
    AMDGPU.close(device)
    assert find(fn frame -> Enum.find(frame.events, &(&1.kind == :device_closed)) end)
    assert find(fn frame -> not Enum.any?(frame.devices, &(&1.device == sample.device)) end)
  end

  test "topics: only what was asked for" do
    bytes = latest()
    devices = Telemetry.decode!(bytes, [:devices])
    assert Enum.all?(devices.devices, &(&1.values != [] and &1.pool == nil))
    assert devices.core_classes == []
    memory = Telemetry.decode!(bytes, [:memory])
    assert Enum.all?(memory.devices, &(&1.values == [] and &1.pool != nil))
    kernels = Telemetry.decode!(bytes, [:kernels])
    assert length(kernels.core_classes) == 3

    :ok = Telemetry.subscribe(as: :encoded, topics: [:memory])
    assert_receive {:amdgpu_frame, encoded} when is_binary(encoded)
    assert byte_size(encoded) < byte_size(bytes)
    assert Telemetry.decode!(encoded).core_classes == []
  end

  defp latest do
    :ok = Telemetry.subscribe(as: :encoded)

    bytes =
      find(fn bytes ->
        if Enum.any?(Telemetry.decode!(bytes).devices, &(&1.values != [])), do: bytes
      end)

    :ok = Telemetry.unsubscribe()
    frames(50)
    bytes
  end

  test "all subscribers get the same binary, and the window keeps the last thousand" do
    test = self()

    for _ <- 1..3 do
      spawn_link(fn ->
        :ok = Telemetry.subscribe(as: :encoded)

        receive do:
                  ({:amdgpu_frame, bytes} ->
                     send(test, {:got, Telemetry.decode!(bytes).sequence, bytes}))
      end)
    end

    # The rate is that of a system that somebody looks at.
    :ok = Telemetry.subscribe(rate: 1, as: :encoded)
    :ok = Telemetry.set_rate(1000)
    eventually(fn -> length(ProfilerHub.window()) == 1000 end)
    :ok = Telemetry.unsubscribe()
    window = Enum.map(ProfilerHub.window(), &Telemetry.decode!(&1).sequence)
    assert length(window) == 1000
    assert window == Enum.sort(window)
    assert length(ProfilerHub.window(10)) == 10

    for _ <- 1..3 do
      assert_receive {:got, sequence, bytes}
      # Larger than 64 bytes: off heap, referred to and not copied.
      assert :binary.referenced_byte_size(bytes) == byte_size(bytes)
      assert sequence > 0
    end
  end

  test "a slow subscriber skips frames and its mailbox stays short" do
    test = self()

    slow =
      spawn_link(fn ->
        :ok = Telemetry.subscribe()
        send(test, :subscribed)
        receive do: (:go -> :ok)
        waiting = for {:amdgpu_frame, frame} <- flush(), do: frame.sequence
        send(test, {:waiting, waiting})
        # What comes next is of now, not of then.
        next = receive do: ({:amdgpu_frame, frame} -> frame.sequence)
        send(test, {:next, next})
        receive do: (:end -> :ok)
      end)

    assert_receive :subscribed
    :ok = Telemetry.subscribe()
    assert length(frames(1_000)) > 20
    send(slow, :go)
    assert_receive {:waiting, waiting}
    assert length(waiting) <= 12
    assert_receive {:next, next}
    # The first new one may have come while the old ones were counted.
    sequences = waiting ++ [next]
    assert Enum.max(Enum.zip_with(tl(sequences), sequences, &-/2)) > 20
    send(slow, :end)
  end

  defp flush do
    receive do
      message -> [message | flush()]
    after
      0 -> []
    end
  end

  test "with credit, frames come as they are acknowledged" do
    :ok = Telemetry.subscribe(credit: 2)
    assert length(frames(300)) == 2
    Telemetry.ack()
    assert [frame] = frames(100)
    Process.sleep(100)
    Telemetry.ack()
    assert [later] = frames(100)
    # The latest, not the next.
    assert later.sequence > frame.sequence + 3
  end

  test "subscribers that die are forgotten" do
    pid = spawn(fn -> Telemetry.subscribe() && receive(do: (:stop -> :ok)) end)
    eventually(fn -> pid in ProfilerHub.subscribers() end)
    Process.exit(pid, :kill)
    eventually(fn -> pid not in ProfilerHub.subscribers() end)
  end

  test "wrong options and bytes are errors" do
    assert {:error, %AMDGPU.Error{}} = Telemetry.subscribe(rate: 7)
    assert {:error, %AMDGPU.Error{}} = Telemetry.subscribe(topics: [:weather])
    assert {:error, %AMDGPU.Error{}} = Telemetry.subscribe(credit: 0)
    assert {:error, %AMDGPU.Error{}} = Telemetry.set_rate(2000)
    assert {:error, %AMDGPU.Error{}} = Telemetry.decode("no frame at all")
    assert_raise AMDGPU.Error, fn -> Telemetry.decode!(<<255, 255, 255>>) end
    assert {:ok, %Frame{sequence: 0, devices: []}} = Telemetry.decode("")
  end

  test "turned off, nothing is made and nothing recorded", %{device: device} do
    empty = kernel(device, :empty)
    :ok = Telemetry.subscribe()
    assert frames(200) != []
    :ok = Telemetry.set_rate(0)
    frames(100)
    assert frames(300) == []
    assert Telemetry.rate() == 0.0
    AMDGPU.run!(empty, [grid: 1, block: 1, label: "unseen"], [])
    :ok = Telemetry.set_rate(60)
    frames = frames(300)
    assert frames != []
    assert Enum.all?(frames, fn f -> Enum.all?(f.launches, &(&1.label != "unseen")) end)
  end

  test "the hub comes back after a crash, and so do the frames", %{device: device} do
    hub = Process.whereis(ProfilerHub)
    Process.exit(hub, :kill)
    eventually(fn -> Process.whereis(ProfilerHub) not in [nil, hub] end)
    :ok = Telemetry.subscribe()
    assert find(&our(&1, device))
  end

  test "events are aggregated", %{device: device} do
    test = self()

    :ok =
      Telemetry.attach(
        "test",
        [[:amdgpu, :launch, :stop], [:amdgpu, :compile, :stop]],
        &send(test, {&1, &2, &3, &4}),
        :config
      )

    assert {:error, :already_exists} = Telemetry.attach("test", [:a], fn _, _, _, _ -> :ok end)
    Process.sleep(100)
    source = "extern \"C\" __global__ void event_kernel() {} // #{System.unique_integer()}"
    kernel = AMDGPU.Kernel.compile!(device, source, "event_kernel", core: :neuromorphic)

    assert_receive {[:amdgpu, :compile, :stop], %{duration: ns}, %{kernel: "event_kernel"},
                    :config}

    assert ns > 0
    for _ <- 1..1000, do: AMDGPU.launch!(kernel, [grid: 1, block: 1, flops: 3], [])
    AMDGPU.synchronize!(device)
    {count, flops, events} = sum_launches(1000, {0, 0, 0})
    assert count == 1000
    assert flops == 3000
    assert events < 500
    assert :ok = Telemetry.detach("test")
    assert {:error, :not_found} = Telemetry.detach("test")
  end

  defp sum_launches(wanted, {count, flops, events} = sum) when count >= wanted,
    do: sum |> then(fn _ -> {count, flops, events} end)

  defp sum_launches(wanted, {count, flops, events}) do
    assert_receive {[:amdgpu, :launch, :stop], measurements, %{kernel: "event_kernel"} = metadata,
                    :config}

    assert metadata.core_class == :neuromorphic
    sum_launches(wanted, {count + measurements.count, flops + measurements.flops, events + 1})
  end

  @tag capture_log: true
  test "a handler that raises is detached" do
    :ok = Telemetry.attach("bad", [:amdgpu, :device, :opened], fn _, _, _, _ -> raise "no" end)
    Process.sleep(100)
    {:ok, device} = AMDGPU.open(:host, printf: :ignore, threads: 1)
    eventually(fn -> Telemetry.detach("bad") == {:error, :not_found} end)
    AMDGPU.close(device)
  end

  test "core classes", %{device: device} do
    for {core, module} <- [aura: AuraCore, matrix: MatrixCore, neuromorphic: NeuromorphicCore] do
      before = module.get_telemetry()
      assert before.core == core
      kernel = kernel(device, :empty, core: core)
      for _ <- 1..10, do: AMDGPU.run!(kernel, [grid: 1, block: 1], [])
      eventually(fn -> module.get_telemetry().launches >= before.launches + 10 end)
      telemetry = module.get_telemetry()
      assert telemetry.p99_ns >= telemetry.p50_ns
      assert [%{kind: "host"} | _] = telemetry.devices
    end

    assert %{core: 0, device: %{kind: "host"}} = AuraCore.get_core_stats(0)
    eventually(fn -> is_float(AuraCore.get_core_stats(0).utilization) end)
    assert AuraCore.get_core_stats(1_000_000) == nil
  end
end
