defmodule AMDGPU.Faults.WorkerKilledTest do
  # kill -9 of the worker: every command in flight gets one answer, and the device goes on.
  use AMDGPU.DeviceCase, async: true
  import ExUnit.CaptureLog
  alias AMDGPU.{Buffer, DeviceLostError, Processes}

  @moduletag :fault

  defp kill_worker(device), do: Processes.kill(AMDGPU.stats(device).worker_pid)

  test "with 100 launches queued", %{device: device} do
    {:ok, out} = Buffer.zeros(device, :u32, 1)
    {:ok, kept} = Buffer.from_binary(device, :i32, pack(:i32, 1..100))
    busy = kernel(device, :busy)
    empty = kernel(device, :empty)
    AMDGPU.synchronize!(device)

    log =
      capture_log(fn ->
        first = AMDGPU.launch!(busy, [grid: 1, block: 1], [5_000, out])
        queued = for _ <- 1..100, do: AMDGPU.launch!(empty, [grid: 1, block: 1], [])
        tasks = for job <- queued, do: Task.async(fn -> AMDGPU.await(job) end)
        Process.sleep(20)
        beside_another_device(fn -> kill_worker(device) end)
        assert {:error, %DeviceLostError{kernel: "busy"} = error} = AMDGPU.await(first, 5_000)

        assert Exception.message(error) =~
                 ~s(under kernel "busy": the worker ended without a word: it was killed)

        for result <- Task.await_many(tasks, 10_000),
            do: assert({:error, %DeviceLostError{kernel: "empty"}} = result)

        # The same answer again, and only ever one message.
        for job <- queued, do: assert({:error, %DeviceLostError{}} = AMDGPU.await(job, 0))
        assert {:ok, _} = AMDGPU.run(empty, [grid: 1, block: 1], [])
        settle(device)
      end)

    assert log =~ "restarted"
    assert_kept(device, kept, Enum.to_list(1..100))
    assert mailbox() == []
  end

  # The buffers are used again.
  @tag :host_only
  test "during a copy", %{device: device} do
    mebibyte = 1_048_576
    bytes = 256 * mebibyte
    sevens = :binary.copy(<<7>>, mebibyte) |> :binary.copy(256)
    {:ok, a} = Buffer.zeros(device, :u8, bytes)
    {:ok, b} = Buffer.zeros(device, :u8, bytes)
    :ok = Buffer.fill(a, 7)
    AMDGPU.synchronize!(device)

    capture_log(fn ->
      for _ <- 1..8, do: :ok = Buffer.copy(b, a)
      Process.sleep(5)
      kill_worker(device)
      # What waits for the copies gets an answer, and the buffers are there.
      assert match?({:error, %DeviceLostError{}}, AMDGPU.synchronize(device, 10_000)) or
               AMDGPU.synchronize(device, 10_000) == :ok

      assert holds?(a, sevens)
      assert :ok = Buffer.copy(b, a)
      assert holds?(b, sevens)
    end)

    Buffer.free!(a)
    Buffer.free!(b)
    assert mailbox() == []
  end

  # Not compared by assert itself, which would print 256 MiB.
  defp holds?(buffer, bytes), do: Buffer.to_binary!(buffer) == bytes

  @tag :host_only
  test "while nothing runs, and many times", %{device: device} do
    add = kernel(device, :add)
    {:ok, x} = Buffer.zeros(device, :i32, 1)
    restarts = AMDGPU.stats(device).restarts

    capture_log(fn ->
      Enum.reduce(1..10, 0, fn n, lost ->
        kill_worker(device)
        lost = lost + lost_until_one_runs(add, [x, 1, 1])
        [sum] = numbers(x)
        assert sum in n..(n + lost)
        lost
      end)
    end)

    assert AMDGPU.stats(device).restarts == restarts + 10
  end

  # How many launches were lost before one ran. One that is written before the death is noticed is
  # lost with the worker: it has run once, if the worker came so far, or not at all.
  defp lost_until_one_runs(kernel, arguments, lost \\ 0) do
    case AMDGPU.run(kernel, [grid: 1, block: 1], arguments) do
      {:ok, _} -> lost
      {:error, %DeviceLostError{}} -> lost_until_one_runs(kernel, arguments, lost + 1)
    end
  end

  test "while many processes launch, allocate and read", %{device: device} do
    add = kernel(device, :add)

    capture_log(fn ->
      tasks =
        for _ <- 1..16 do
          Task.async(fn ->
            for _ <- 1..50 do
              with {:ok, x} <- Buffer.zeros(device, :i32, 100),
                   {:ok, _} <- AMDGPU.run(add, [grid: 1, block: 100], [x, 100, 1]),
                   {:ok, binary} <- Buffer.to_binary(x) do
                # Zeros or ones by the death of the worker, but never a fault here.
                assert byte_size(binary) == 400
              else
                {:error, %DeviceLostError{}} -> :ok
              end
            end
          end)
        end

      for _ <- 1..5 do
        Process.sleep(20)
        pid = AMDGPU.stats(device).worker_pid
        if pid > 0, do: System.cmd("kill", ["-9", "#{pid}"], stderr_to_stdout: true)
      end

      Task.await_many(tasks, 60_000)
      assert lost_until_one_runs(add, [Buffer.zeros!(device, :i32, 1), 1, 1]) >= 0
    end)
  end
end
