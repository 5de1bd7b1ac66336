defmodule AMDGPU.Faults.CompilerKilledTest do
  # The compiler process, or its child, dies: compiles go on, devices do not notice.
  use AMDGPU.DeviceCase, async: false
  alias AMDGPU.{Kernel, Processes}

  @moduletag :fault

  @slow """
  template <int N, long M> struct A { static constexpr long v = A<N - 1, 2 * M>::v + A<N - 1, 2 * M + 1>::v; };
  template <long M> struct A<0, M> { static constexpr long v = M; };
  extern "C" __global__ void k(long long* out) { out[0] = A<40, 1>::v; }
  """

  defp fresh(source), do: "// #{System.unique_integer()} #{System.os_time()}\n" <> source

  defp good, do: fresh(~s|extern "C" __global__ void k(int* out) { out[0] = 1; }|)

  defp zygote do
    eventually(fn -> Processes.children(Processes.self_pid(), "amdgpu_compiler") != [] end)
    [zygote | _] = Processes.children(Processes.self_pid(), "amdgpu_compiler")
    zygote
  end

  # The child of the compile under way.
  defp child(attempts \\ 1_000) do
    case Processes.children(zygote(), "amdgpu_compiler") do
      [child | _] -> child
      [] when attempts > 0 -> Process.sleep(5) && child(attempts - 1)
      [] -> flunk("no compile is under way")
    end
  end

  setup %{device: device} do
    {:ok, _} = Kernel.compile(device, good(), "k")
    # Its child answers first and ends then.
    eventually(fn -> Processes.children(zygote(), "amdgpu_compiler") == [] end)
    {:ok, worker: AMDGPU.stats(device).worker_pid}
  end

  test "a child that is killed is started once more, then it is an error", %{device: device} do
    {:ok, job} = Kernel.compile_async(device, fresh(@slow), "k")
    first = child()
    Processes.kill(first)
    eventually(fn -> child() != first end)
    Processes.kill(child())
    assert {:error, %AMDGPU.CompileError{reason: :crashed} = error} = AMDGPU.await(job, 10_000)
    assert error.kernel == "k"

    assert Exception.message(error) =~
             ~r/kernel "k" does not compile: the compiler crashed.*Killed/

    assert {:ok, _} = Kernel.compile(device, good(), "k")
  end

  test "the compiler process itself comes back", %{device: device, worker: worker} do
    Processes.kill(zygote())
    assert {:ok, kernel} = Kernel.compile(device, good(), "k")
    {:ok, out} = AMDGPU.Buffer.zeros(device, :i32, 1)
    assert {:ok, _} = AMDGPU.run(kernel, [grid: 1, block: 1], [out])
    assert AMDGPU.stats(device).worker_pid == worker
  end
end
