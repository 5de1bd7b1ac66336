defmodule AMDGPU.Faults.ScarcityTest do
  # A full disk, a full /dev/shm, no file descriptors left: errors or slower, never wrong.
  use ExUnit.Case, async: true
  alias AMDGPU.ChildVM

  @moduletag :fault

  @job """
  saxpy = fn device ->
    source = ~S|extern "C" __global__ void k(int n, float a, const float* x, float* y) {
      int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) y[i] += a * x[i]; }|
    kernel = AMDGPU.Kernel.compile!(device, source, "k")
    x = AMDGPU.Buffer.from_binary!(device, :f32, <<2.0::float-32-little>>)
    y = AMDGPU.Buffer.zeros!(device, :f32, 1)
    AMDGPU.run!(kernel, [grid: 1, block: 1], [1, 3.0, x, y])
    <<6.0::float-32-little>> = AMDGPU.Buffer.to_binary!(y)
    kernel.origin
  end
  """

  # Runs in a mount namespace of its own; nil where that is not allowed.
  defp in_namespace(mounts, code) do
    case System.cmd("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
           stderr_to_stdout: true
         ) do
      {_, 0} -> ChildVM.run(code, wrap: "unshare -m", shell: mounts)
      _ -> nil
    end
  end

  @tag :tmp_dir
  test "a full disk under the cache costs the cache and nothing else", %{tmp_dir: dir} do
    dir = Path.expand(dir)

    code =
      @job <>
        """
        IO.puts("origin " <> to_string(saxpy.(AMDGPU.open!(:host))))
        IO.puts("disk errors " <> to_string(AMDGPU.Compiler.stats().disk_errors))
        """

    mounts =
      "mount -t tmpfs -o size=64k tmpfs '#{dir}' && mkdir -m 700 '#{dir}/c' && " <>
        "{ head -c 1M /dev/zero > '#{dir}/fill' 2>/dev/null; export AMDGPU_CACHE_DIR='#{dir}/c'; }"

    case in_namespace(mounts, code) do
      nil ->
        IO.puts("skipped: a full disk under the cache (no right to mount)")

      {output, status} ->
        assert status == 0, output
        assert output =~ "origin compiled"
        assert output =~ ~r/disk errors [1-9]/
    end
  end

  test "a cache folder that cannot be written is told of and done without" do
    code = @job <> ~s|IO.puts("origin " <> to_string(saxpy.(AMDGPU.open!(:host))))|
    {output, status} = ChildVM.run(code, env: [{"AMDGPU_CACHE_DIR", "/proc/no/such"}])
    assert status == 0, output
    assert output =~ "origin compiled"
  end

  test "a full /dev/shm does not matter: shared memory has no name" do
    mounts =
      "mount -t tmpfs -o size=16k tmpfs /dev/shm && " <>
        "{ head -c 1M /dev/zero > /dev/shm/fill 2>/dev/null; true; }"

    code = @job <> ~s|saxpy.(AMDGPU.open!(:host)); IO.puts("fine")|

    case in_namespace(mounts, code) do
      nil ->
        IO.puts("skipped: a full /dev/shm (no right to mount)")

      {output, status} ->
        assert status == 0, output
        assert output =~ "fine"
    end
  end

  test "at the limit of file descriptors opening fails, says why, and works again later" do
    code =
      @job <>
        """
        good = AMDGPU.open!(:host)
        saxpy.(good)
        # The VM loads what it runs on the way, from files.
        {:error, error} = AMDGPU.open({:host, 9})
        IO.puts("warm " <> Exception.message(error))
        open = fn open, held ->
          case :file.open("/dev/null", [:read, :raw]) do
            {:ok, file} -> open.(open, [file | held])
            {:error, :emfile} -> held
          end
        end
        held = open.(open, [])
        {:error, error} = AMDGPU.open(:host)
        IO.puts("error " <> Exception.message(error))
        saxpy.(good)
        Enum.each(held, &:file.close/1)
        saxpy.(AMDGPU.open!(:host))
        IO.puts("fine")
        """

    {output, status} = ChildVM.run(code, shell: "ulimit -n 128")
    assert status == 0, output
    assert output =~ ~r/error .*(file|descriptor|Too many)/i
    assert output =~ "fine"
  end

  test "at the limit of memory the error is ours, not the kernel's" do
    code = """
    device = AMDGPU.open!(:host)
    {:error, error} = AMDGPU.Buffer.new(device, :u8, 64 * 1024 * 1024 * 1024 * 1024)
    %AMDGPU.OutOfMemoryError{} = error
    IO.puts("error " <> Exception.message(error))
    """

    {output, status} = ChildVM.run(code)
    assert status == 0, output
    assert output =~ "error no room for"
  end
end
