defmodule AMDGPU.OwnershipTest do
  use AMDGPU.DeviceCase, async: false, device: [slab_bytes: 1_048_576]
  alias AMDGPU.{Buffer, OutOfMemoryError}

  defp used(device), do: AMDGPU.memory(device).used

  test "a process's buffers go with it", %{device: device} do
    before = used(device)
    test = self()

    {owner, monitor} =
      spawn_monitor(fn ->
        buffers = for _ <- 1..10, do: Buffer.new!(device, :u8, 100_000)
        send(test, {:buffers, buffers})
        receive do: (:stop -> :ok)
      end)

    assert_receive {:buffers, buffers}
    assert used(device) >= before + 1_000_000
    assert Enum.any?(AMDGPU.memory(device).owners, &(&1.pid == owner and &1.buffers == 10))
    Process.exit(owner, :kill)
    assert_receive {:DOWN, ^monitor, :process, _, :killed}
    # Less, if an earlier test's garbage went meanwhile.
    eventually(fn -> used(device) <= before end)
    for buffer <- buffers, do: refute(Buffer.info(buffer).live)
    assert {:error, _} = Buffer.to_binary(hd(buffers))
  end

  test "but only after the launches that use them", %{device: device} do
    test = self()
    busy = kernel(device, :busy)

    {owner, monitor} =
      spawn_monitor(fn ->
        {:ok, out} = Buffer.zeros(device, :u32, 1)
        send(test, {:job, AMDGPU.launch!(busy, [grid: 1, block: 1], [100, out])})
      end)

    assert_receive {:job, job}
    assert_receive {:DOWN, ^monitor, :process, ^owner, :normal}
    assert {:ok, _} = AMDGPU.await(job)
  end

  test "a buffer given away lives as long as its new owner", %{device: device} do
    test = self()
    heir = spawn(fn -> receive do: (:stop -> :ok) end)

    {owner, monitor} =
      spawn_monitor(fn ->
        buffer = Buffer.from_binary!(device, :u8, "kept")
        :ok = Buffer.give_away(buffer, heir)
        send(test, {:buffer, buffer})
      end)

    assert_receive {:buffer, buffer}
    assert_receive {:DOWN, ^monitor, :process, ^owner, :normal}
    Process.sleep(20)
    assert Buffer.info(buffer).owner == heir
    assert Buffer.to_binary!(buffer) == "kept"
    send(heir, :stop)
    eventually(fn -> not Buffer.info(buffer).live end)
  end

  test "a buffer cannot be given to a process that has ended", %{device: device} do
    {gone, monitor} = spawn_monitor(fn -> :ok end)
    assert_receive {:DOWN, ^monitor, :process, ^gone, _}
    buffer = Buffer.new!(device, :u8, 1)
    assert {:error, %AMDGPU.Error{code: :not_found}} = Buffer.give_away(buffer, gone)
    assert Buffer.info(buffer).owner == self()
  end

  test "garbage collection frees what nobody refers to", %{device: device} do
    :erlang.garbage_collect()
    before = used(device)

    Task.async(fn ->
      for _ <- 1..100, do: Buffer.new!(device, :u8, 10_000)
      :erlang.garbage_collect()
      eventually(fn -> used(device) <= before end)
    end)
    |> Task.await()
  end

  test "out of memory collects the garbage of the holders before it is an error" do
    device = AMDGPU.open!(:host, memory_limit: 64 * 1_048_576)
    test = self()

    # Holds the whole limit through handles that are garbage, and sleeps.
    sleeper =
      spawn(fn ->
        waste(device)
        send(test, :wasted)
        receive do: (:stop -> :ok)
      end)

    assert_receive :wasted
    assert {:ok, _} = Buffer.new(device, :u8, 40 * 1_048_576)
    send(sleeper, :stop)
    AMDGPU.close(device)
  end

  defp waste(device) do
    for _ <- 1..6, do: Buffer.new!(device, :u8, 8 * 1_048_576)
    :ok
  end

  test "out of memory says who holds it" do
    device = AMDGPU.open!(:host, memory_limit: 64 * 1_048_576)
    Process.register(self(), :memory_holder)
    held = Buffer.new!(device, :u8, 50 * 1_048_576)

    assert {:error, %OutOfMemoryError{} = error} = Buffer.new(device, :f32, 10 * 1_048_576)
    assert error.asked == 40 * 1_048_576
    assert error.limited_by == :device
    assert error.limit == 64 * 1_048_576
    assert [%{pid: pid, name: :memory_holder, buffers: 1, bytes: bytes} | _] = error.holders
    assert pid == self() and bytes >= 50 * 1_048_576
    assert Exception.message(error) =~ ":memory_holder"
    assert_raise OutOfMemoryError, fn -> Buffer.new!(device, :f32, 10 * 1_048_576) end

    Buffer.free!(held)
    assert {:ok, _} = Buffer.new(device, :f32, 10 * 1_048_576)
    assert mailbox() == []
    AMDGPU.close(device)
  end

  test "each process has its own limit" do
    device = AMDGPU.open!(:host, owner_limit: 1_048_576)
    mine = Buffer.new!(device, :u8, 900_000)
    assert {:error, %OutOfMemoryError{limited_by: :owner}} = Buffer.new(device, :u8, 900_000)
    assert {:ok, _} = Task.await(Task.async(fn -> Buffer.new(device, :u8, 900_000) end))
    assert :ok = AMDGPU.limit_memory(device, owner: 0)
    assert {:ok, _} = Buffer.new(device, :u8, 900_000)
    assert Buffer.info(mine).live
    AMDGPU.close(device)
  end

  test "a gift counts for who gets it" do
    device = AMDGPU.open!(:host, owner_limit: 1_048_576)
    gift = Buffer.new!(device, :u8, 900_000)
    full = spawn(fn -> hold(device) end)
    empty = spawn(fn -> Process.sleep(:infinity) end)
    send(full, {:hold, self()})
    assert_receive :holding

    assert {:error, %OutOfMemoryError{limited_by: :owner}} = Buffer.give_away(gift, full)
    assert {:error, %OutOfMemoryError{}} = Buffer.new(device, :u8, 900_000)
    assert :ok = Buffer.give_away(gift, empty)
    assert {:ok, _} = Buffer.new(device, :u8, 900_000)
    Enum.each([full, empty], &Process.exit(&1, :kill))
    AMDGPU.close(device)
  end

  defp hold(device) do
    receive do
      {:hold, asker} ->
        _buffer = Buffer.new!(device, :u8, 900_000)
        send(asker, :holding)
        Process.sleep(:infinity)
    end
  end

  test "the report adds up", %{device: device} do
    buffer = Buffer.new!(device, :f32, 1000)
    report = AMDGPU.memory(device)
    assert report.reserved >= report.used and report.used >= report.requested
    assert report.peak >= report.used
    assert report.allocations >= report.frees
    assert report.pool_count >= 1
    assert report.fragmentation_ratio >= 0.0 and report.fragmentation_ratio <= 1.0
    assert Enum.any?(report.owners, &(&1.pid == self()))
    Buffer.free!(buffer)
    assert AMDGPU.memory(device).requested == report.requested - 4000
  end

  test "trim gives free slabs back", %{device: device} do
    buffer = Buffer.new!(device, :u8, 8_000_000)
    reserved = AMDGPU.memory(device).reserved
    Buffer.free!(buffer)
    assert :ok = AMDGPU.trim(device)
    eventually(fn -> AMDGPU.memory(device).reserved < reserved end)
  end

  @tag :tmp_dir
  test "every event of the pool can be logged", %{device: device, tmp_dir: dir} do
    path = Path.join(dir, "events")
    assert :ok = AMDGPU.log_allocations(device, path)
    for _ <- 1..10, do: device |> Buffer.new!(:u8, 1000) |> Buffer.free!()
    assert :ok = AMDGPU.log_allocations(device, nil)
    assert File.stat!(path).size > 0
    assert {:error, _} = AMDGPU.log_allocations(device, Path.join(dir, "no/such/folder"))
  end

  test "a log that cannot be written fails the opening" do
    assert {:error, error} = AMDGPU.open(:host, allocation_log: "/no/such/folder/log")
    assert Exception.message(error) =~ "/no/such/folder/log"
  end
end
