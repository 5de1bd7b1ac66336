defmodule AMDGPU.TwoVMsTest do
  # End to end: two VMs of one user at once, with one cache directory.
  use ExUnit.Case, async: true
  import AMDGPU.DeviceCase, only: [eventually: 1]
  alias AMDGPU.{ChildVM, Processes}

  @moduletag :tmp_dir

  # Takes the compiler about a second, and computes 3.
  @slow """
  template <int N, long M> struct A { static constexpr long v = A<N - 1, 2 * M>::v + A<N - 1, 2 * M + 1>::v; };
  template <long M> struct A<0, M> { static constexpr long v = M % 2; };
  extern "C" __global__ void k(int* out) { out[0] = A<15, 1>::v == 0 ? 0 : 3; }
  """

  @compile_and_run """
  run = fn device ->
    kernel = AMDGPU.Kernel.compile!(device, ~S|#{@slow}|, "k")
    out = AMDGPU.Buffer.zeros!(device, :i32, 1)
    AMDGPU.run!(kernel, [grid: 1, block: 1], [out])
    <<3::32-little>> = AMDGPU.Buffer.to_binary!(out)
    kernel.origin
  end
  """

  # A VM with a device open that waits for `go!/1`, and then does `code`.
  defp start(dir, code) do
    waiting = """
    device = AMDGPU.open!(:host, threads: 1)
    IO.puts("ready \#{System.pid()} \#{AMDGPU.stats(device).worker_pid}")
    wait = fn wait -> unless File.exists?("#{dir}/go"), do: (Process.sleep(1); wait.(wait)) end
    wait.(wait)
    """

    {port, _} =
      ChildVM.start(@compile_and_run <> waiting <> code, env: [{"AMDGPU_CACHE_DIR", dir}])

    pids = port |> ChildVM.line("ready ") |> String.split() |> Enum.map(&String.to_integer/1)
    {port, pids}
  end

  defp go!(dir), do: File.touch!(Path.join(dir, "go"))

  test "what both compile at the same time is compiled once", %{tmp_dir: dir} do
    # They stay until both have said it: the code is stored a little after it is there.
    code = ~S|IO.puts("origin #{run.(device)}"); Process.sleep(:infinity)|
    vms = for _ <- 1..2, do: start(dir, code)
    go!(dir)
    origins = for {port, _} <- vms, do: ChildVM.line(port, "origin ")
    assert Enum.sort(origins) == ["compiled", "disk"]
    for {_, [vm, _]} <- vms, do: Processes.kill(vm)
  end

  test "the end of one is none of the other's", %{tmp_dir: dir} do
    code = ~S|IO.puts("origin #{run.(device)}")|
    {_, [vm, worker]} = start(dir, "Process.sleep(:infinity)")
    {port, [_, other]} = start(dir, code)
    Processes.kill(vm)
    eventually(fn -> not Processes.alive?(worker) end)
    assert Processes.alive?(other)
    go!(dir)
    assert ChildVM.line(port, "origin ") == "compiled"
    assert_receive {^port, {:exit_status, 0}}, 10_000
  end
end
