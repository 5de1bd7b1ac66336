defmodule AMDGPU.LibraryTest do
  # The native library as a guest of the VM: loading, reloading, leaving nothing behind.
  use ExUnit.Case, async: true
  alias AMDGPU.ChildVM

  @job """
  source = ~S|extern "C" __global__ void k(int* x) { x[0] += 1; }|
  device = AMDGPU.open!(:host)
  kernel = AMDGPU.Kernel.compile!(device, source, "k")
  x = AMDGPU.Buffer.zeros!(device, :i32, 1)
  AMDGPU.run!(kernel, [grid: 1, block: 1], [x])
  """

  test "the module can be loaded again while its resources are in use" do
    {output, status} =
      ChildVM.run(
        @job <>
          """
          for _ <- 1..3 do
            :code.purge(AMDGPU.Native)
            {:module, AMDGPU.Native} = :code.load_file(AMDGPU.Native)
            AMDGPU.run!(kernel, [grid: 1, block: 1], [x])
          end
          <<4::32-little>> = AMDGPU.Buffer.to_binary!(x)
          IO.puts("fine")
          """
      )

    assert status == 0, output
    assert output =~ "fine"
  end

  test "everything is let go of when nothing refers to it" do
    {output, status} =
      ChildVM.run("""
      {_, monitor} = spawn_monitor(fn ->
        #{@job}
        stream = AMDGPU.Stream.new!(device)
        {:ok, _} = AMDGPU.launch(kernel, [grid: 1, block: 1, stream: stream], [x])
        big = AMDGPU.Buffer.zeros!(device, :u8, 1_000_000)
        binary = AMDGPU.Buffer.to_binary!(big)
        true = byte_size(binary) == 1_000_000
        true = AMDGPU.Native.live_resources() > 0
        AMDGPU.close(device)
      end)
      receive do {:DOWN, ^monitor, _, _, reason} -> :normal = reason end
      Enum.each(Process.list(), &:erlang.garbage_collect/1)
      Process.sleep(100)
      AMDGPU.Native.drop_pending()
      IO.inspect(AMDGPU.Native.live_resource_counts(), label: "left")
      0 = AMDGPU.Native.live_resources()
      """)

    assert status == 0, output
  end

  test "stopping the application ends devices and the compiler, and it can start again" do
    {output, status} =
      ChildVM.run(
        @job <>
          """
          worker = AMDGPU.stats(device).worker_pid
          :ok = Application.stop(:amdgpu)
          Process.sleep(300)
          false = File.exists?("/proc/\#{worker}")
          {:ok, _} = Application.ensure_all_started(:amdgpu)
          again = AMDGPU.open!(:host)
          kernel = AMDGPU.Kernel.compile!(again, source, "k")
          x = AMDGPU.Buffer.zeros!(again, :i32, 1)
          AMDGPU.run!(kernel, [grid: 1, block: 1], [x])
          """
      )

    assert status == 0, output
  end
end
