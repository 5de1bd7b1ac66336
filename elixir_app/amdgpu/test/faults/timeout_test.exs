defmodule AMDGPU.Faults.TimeoutTest do
  # A kernel that does not end is ended by its timeout; the caller and the device are not.
  use AMDGPU.DeviceCase, async: true
  import ExUnit.CaptureLog
  alias AMDGPU.{Buffer, TimeoutError}

  @moduletag :fault

  test "an infinite loop ends at its timeout", %{device: device} do
    {:ok, flag} = Buffer.zeros(device, :i32, 1)
    {:ok, kept} = Buffer.from_binary(device, :i32, pack(:i32, [1, 2, 3]))
    forever = kernel(device, :forever)
    started = System.monotonic_time(:millisecond)

    log =
      capture_log(fn ->
        beside_another_device(fn ->
          assert {:error, %TimeoutError{} = error} =
                   AMDGPU.run(forever, [grid: 1, block: 1, timeout: 200], [flag])

          assert error.after_ms == 200
          assert Exception.message(error) =~ "forever"
          assert {:ok, _} = AMDGPU.run(kernel(device, :empty), [grid: 1, block: 1], [])
          settle(device)
        end)
      end)

    assert System.monotonic_time(:millisecond) - started < 5_000
    assert log =~ "forever"
    assert_kept(device, kept, [1, 2, 3])
    assert mailbox() == []
  end

  test "waiting in the queue does not count", %{device: device} do
    {:ok, out} = Buffer.zeros(device, :u32, 1)
    {:ok, _} = AMDGPU.launch(kernel(device, :busy), [grid: 1, block: 1], [300, out])

    assert {:ok, info} = AMDGPU.run(kernel(device, :empty), [grid: 1, block: 1, timeout: 100], [])

    assert info.queued_ns > 100_000_000
  end

  test "an await's timeout ends nothing", %{device: device} do
    {:ok, flag} = Buffer.zeros(device, :i32, 1)
    stream = AMDGPU.Stream.new!(device)
    AMDGPU.synchronize!(device)

    {:ok, job} =
      AMDGPU.launch(kernel(device, :forever), [grid: 1, block: 1, timeout: 10_000], [flag])

    assert {:error, %TimeoutError{what: "await"}} = AMDGPU.await(job, 50)
    add = kernel(device, :add)
    {:ok, _} = AMDGPU.run(add, [grid: 1, block: 1, stream: stream], [flag, 1, 1])
    assert {:ok, _} = AMDGPU.await(job, 5_000)
  end
end
