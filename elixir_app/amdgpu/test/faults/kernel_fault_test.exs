defmodule AMDGPU.Faults.KernelFaultTest do
  # What a kernel can do wrong ends its worker, is told by name, and nothing else happens.
  use AMDGPU.DeviceCase, async: true
  import ExUnit.CaptureLog
  alias AMDGPU.{Buffer, KernelFault}

  @moduletag :fault

  setup %{device: device} do
    bystander = AMDGPU.open!(:host, threads: 1, printf: :ignore)
    on_exit(fn -> AMDGPU.close(bystander) end)
    {:ok, kept} = Buffer.from_binary(device, :i32, pack(:i32, 1..1000))
    {:ok, saxpy: kernel(device, :saxpy), kept: kept, bystander: bystander}
  end

  # Runs the kernel, which must fault, and checks everything that must still be right.
  defp faults(%{device: device} = context, name, arguments) do
    kernel = kernel(device, name)
    bystander_worker = AMDGPU.stats(context.bystander).worker_pid
    worker = AMDGPU.stats(device).worker_pid
    restarts = AMDGPU.stats(device).restarts

    {result, log} =
      with_log(fn ->
        result = AMDGPU.run(kernel, [grid: 1, block: 1], arguments)
        # The next launch works, on the same handles, without anybody opening anything.
        {:ok, y} = Buffer.from_binary(device, :f32, pack(:f32, [1.0]))
        {:ok, x} = Buffer.from_binary(device, :f32, pack(:f32, [2.0]))
        assert {:ok, _} = AMDGPU.run(context.saxpy, [grid: 1, block: 1], [1, 10.0, x, y])
        assert numbers(y) == [21.0]
        eventually(fn -> AMDGPU.stats(device).restarts == restarts + 1 end)
        settle(device)
        result
      end)

    assert {:error, %KernelFault{kernel: kernel_name} = fault} = result
    assert kernel_name == to_string(name)
    assert Exception.message(fault) =~ to_string(name)
    assert log =~ "AMDGPU #{AMDGPU.Device.label(device)}"
    assert log =~ to_string(name) and log =~ "restarted"
    assert_kept(device, context.kept, Enum.to_list(1..1000))
    assert AMDGPU.stats(device).worker_pid != worker
    assert AMDGPU.stats(context.bystander).worker_pid == bystander_worker
    assert {:ok, _} = Buffer.zeros(context.bystander, :i32, 10)
    assert mailbox() == []
    fault
  end

  # Of the buffer's elements, behind its end: where the next hole of 1 GiB in the worker's memory begins, and 16 MiB on.
  # A GPU's slabs lie side by side: behind all of them.
  defp unmapped_index(device, buffer) do
    if host?(device) do
      {:ok, out} = Buffer.zeros(device, :u64, 1)
      {:ok, _} = AMDGPU.run(kernel(device, :address_of), [grid: 1, block: 1], [buffer, out])
      <<address::64-little>> = Buffer.to_binary!(out)

      hole =
        "/proc/#{AMDGPU.stats(device).worker_pid}/maps"
        |> File.stream!()
        |> Stream.map(fn line ->
          [first, last] = line |> String.split(" ") |> hd() |> String.split("-")
          {String.to_integer(first, 16), String.to_integer(last, 16)}
        end)
        |> Stream.drop_while(fn {_, last} -> last <= address end)
        |> Enum.chunk_every(2, 1, :discard)
        |> Enum.find_value(fn [{_, last}, {next, _}] ->
          if next - last >= Integer.pow(2, 30), do: last + Integer.pow(2, 24)
        end)

      div(hole - address, 4)
    else
      Integer.pow(2, 40)
    end
  end

  test "a null dereference", context do
    fault = faults(context, :poke, [0])

    if host?(context.device),
      do: assert(%{signal: 11, signal_name: "SIGSEGV", address: 0, buffer: nil} = fault)
  end

  test "a write past the end of a buffer into unmapped memory", context do
    {:ok, x} = Buffer.zeros(context.device, :i32, 1000)
    fault = faults(context, :past_the_end, [x, unmapped_index(context.device, x)])
    assert_kept(context.device, x, List.duplicate(0, 1000))

    if host?(context.device) do
      assert fault.signal_name in ["SIGSEGV", "SIGBUS"]
      assert fault.address > 0
    end
  end

  # A GPU's threads have a small stack, and what lies behind it is theirs as well.
  @tag :host_only
  test "a stack overflow", context do
    {:ok, x} = Buffer.zeros(context.device, :i32, 1)
    fault = faults(context, :overflow, [x])
    assert Exception.message(fault) =~ ~r/stack/i
  end

  @tag :host_only
  test "a division by zero", context do
    {:ok, x} = Buffer.zeros(context.device, :i32, 1)
    assert %{signal: 8, signal_name: "SIGFPE"} = faults(context, :divide, [x, 0])
  end

  test "abort()", context do
    fault = faults(context, :aborts, [])
    if host?(context.device), do: assert(Exception.message(fault) =~ ~r/abort/i)
  end

  test "__builtin_trap()", context do
    fault = faults(context, :trap, [])
    if host?(context.device), do: assert(fault.signal_name == "SIGILL")
  end

  test "a failed assert says which", context do
    assert {:ok, _} = AMDGPU.run(kernel(context.device, :asserts), [grid: 1, block: 1], [7])
    fault = faults(context, :asserts, [8])
    # A GPU's runtime writes it to standard error.
    if host?(context.device), do: assert(Exception.message(fault) =~ "x == 7")
  end

  test "everything in flight is answered, each launch once", %{device: device} do
    stream = AMDGPU.Stream.new!(device)
    empty = kernel(device, :empty)
    poke = kernel(device, :poke)

    capture_log(fn ->
      before = for _ <- 1..50, do: AMDGPU.launch!(empty, [grid: 1, block: 1], [])
      fault = AMDGPU.launch!(poke, [grid: 1, block: 1], [8])
      later = for _ <- 1..50, do: AMDGPU.launch(empty, [grid: 1, block: 1, stream: stream], [])

      for job <- before, do: assert({:ok, _} = AMDGPU.await(job, 5_000))
      assert {:error, %KernelFault{}} = AMDGPU.await(fault, 5_000)

      for {:ok, job} <- later do
        case AMDGPU.await(job, 5_000) do
          {:ok, _} -> :ok
          {:error, %AMDGPU.DeviceLostError{}} -> :ok
          # Launched while the worker was dying, answered with why it died.
          {:error, %KernelFault{kernel: "poke"}} -> :ok
        end
      end

      assert {:ok, _} = AMDGPU.run(empty, [grid: 1, block: 1], [])
    end)

    assert mailbox() == []
  end

  test "a device that faults too often is closed", %{bystander: bystander} do
    device = AMDGPU.open!(:host, max_restarts: 2, max_seconds: 60, threads: 1)
    trap = kernel(device, :trap)

    log =
      capture_log(fn ->
        for _ <- 1..3 do
          assert {:error, %KernelFault{}} = AMDGPU.run(trap, [grid: 1, block: 1], [])
        end

        assert {:error, %AMDGPU.DeviceLostError{}} = AMDGPU.run(trap, [grid: 1, block: 1], [])
      end)

    assert log =~ "closed after 2 restarts"
    assert {:ok, _} = Buffer.zeros(bystander, :i32, 1)
  end
end
