defmodule AMDGPU.Doctor do
  @moduledoc false
  # What `mix amdgpu.doctor` looks at. Each check is a finding; only a failed one makes the machine
  # unfit.

  alias AMDGPU.{Buffer, Kernel, NativeFiles, Probe}
  alias AMDGPU.Doctor.Vendors

  defmodule Finding do
    @moduledoc false
    @enforce_keys [:area, :state, :text]
    defstruct [:area, :state, :text, :remedy]

    @type t :: %__MODULE__{
            area: String.t(),
            state: :ok | :note | :failed,
            text: String.t(),
            remedy: String.t() | nil
          }
  end

  # A device needs about 20 descriptors; an application some hundred more.
  @fewest_descriptors 256
  @fewest_memory_bytes 512 * 1_048_576
  @programs ["amdgpu_worker", "amdgpu_compiler"]

  @doc "Every finding, in the order in which they are told."
  @spec examine() :: [Finding.t()]
  def examine do
    Enum.concat([
      versions(),
      cores(),
      memory(),
      descriptors(),
      shared_memory(),
      seccomp(),
      native_files(),
      libraries(),
      cache(),
      gpus(),
      main_job()
    ])
  end

  @doc "Whether the main job can run here."
  @spec healthy?([Finding.t()]) :: boolean()
  def healthy?(findings), do: not Enum.any?(findings, &(&1.state == :failed))

  @doc "The findings as text, one line each and a second one for what to do."
  @spec format([Finding.t()]) :: String.t()
  def format(findings) do
    lines =
      Enum.map(findings, fn finding ->
        remedy =
          if finding.remedy, do: "\n" <> String.duplicate(" ", 23) <> "-> #{finding.remedy}"

        "#{mark(finding.state)} #{String.pad_trailing(finding.area, 16)} #{finding.text}#{remedy}"
      end)

    verdict =
      if healthy?(findings),
        do: "AMDGPU works on this machine.",
        else: "AMDGPU does not work on this machine yet."

    Enum.join(lines ++ ["", verdict], "\n")
  end

  defp mark(:ok), do: "[ok]  "
  defp mark(:note), do: "[note]"
  defp mark(:failed), do: "[FAIL]"

  defp ok(area, text), do: %Finding{area: area, state: :ok, text: text}

  defp note(area, text, remedy \\ nil),
    do: %Finding{area: area, state: :note, text: text, remedy: remedy}

  defp failed(area, text, remedy \\ nil),
    do: %Finding{area: area, state: :failed, text: text, remedy: remedy}

  defp versions do
    [ok("Elixir", "#{System.version()} on OTP #{System.otp_release()}")]
  end

  defp cores do
    schedulers = System.schedulers_online()
    text = "#{schedulers} schedulers, #{:erlang.system_info(:logical_processors)} processors"

    if schedulers == 1,
      do: [note("cores", text, "a device's threads share the one core with the VM")],
      else: [ok("cores", text)]
  end

  defp memory do
    with {:ok, text} <- File.read("/proc/meminfo"),
         [_, kib] <- Regex.run(~r/^MemAvailable:\s*(\d+) kB/m, text) do
      bytes = String.to_integer(kib) * 1024

      if bytes < @fewest_memory_bytes,
        do: [note("memory", "#{mib(bytes)} MiB available", "a compile takes some 200 MiB")],
        else: [ok("memory", "#{mib(bytes)} MiB available")]
    else
      _ -> [note("memory", "/proc/meminfo cannot be read")]
    end
  end

  defp descriptors do
    with {:ok, text} <- File.read("/proc/self/limits"),
         [_, soft] <- Regex.run(~r/^Max open files\s+(\S+)/m, text) do
      case Integer.parse(soft) do
        {n, ""} when n < @fewest_descriptors ->
          [note("open files", "limit #{n} (ulimit -n)", "ulimit -n 1024 before the VM starts")]

        _ ->
          [ok("open files", "limit #{soft} (ulimit -n)")]
      end
    else
      _ -> [note("open files", "/proc/self/limits cannot be read")]
    end
  end

  # Shared memory is a memfd, whose pages count as memory of this control group; /dev/shm is not used.
  defp shared_memory do
    case File.read("/proc/filesystems") do
      {:ok, text} ->
        if text =~ ~r/\ttmpfs$/m,
          do: [ok("shared memory", "memfd (no space in /dev/shm is needed)")],
          else: [failed("shared memory", "the kernel has no tmpfs, which memfd needs")]

      _ ->
        [note("shared memory", "/proc/filesystems cannot be read")]
    end
  end

  defp seccomp do
    case File.read("/proc/self/status") do
      {:ok, text} ->
        if text =~ ~r/^Seccomp:/m,
          do: [ok("seccomp", "available: worker and compiler run without privileges")],
          else: [failed("seccomp", "the kernel has none", "a kernel with CONFIG_SECCOMP_FILTER")]

      _ ->
        [note("seccomp", "/proc/self/status cannot be read")]
    end
  end

  defp native_files do
    for file <- ["amdgpu_nif.so" | @programs] do
      path = NativeFiles.path(file)

      case File.stat(path) do
        {:ok, stat} -> ok(file, "#{path} (#{mib(stat.size)} MiB)")
        {:error, reason} -> failed(file, "#{path}: #{:file.format_error(reason)}", "mix compile")
      end
    end
  end

  # What the loader cannot find: another machine built these files, or a package was removed.
  defp libraries do
    for file <- ["amdgpu_nif.so" | @programs],
        path = NativeFiles.path(file),
        File.exists?(path),
        finding = missing_libraries(file, path),
        do: finding
  end

  defp missing_libraries(file, path) do
    with ldd when ldd != nil <- System.find_executable("ldd"),
         {output, _} <- System.cmd(ldd, [path], stderr_to_stdout: true),
         [_ | _] = missing <- Regex.scan(~r/^\s*(\S+) => not found$/m, output) do
      names = Enum.map_join(missing, ", ", fn [_, name] -> name end)
      failed("libraries", "#{file} needs #{names}", "bin/setup installs the Debian packages")
    else
      _ -> nil
    end
  end

  # The variables that the core looks at, in its order.
  defp cache do
    dir =
      Application.get_env(:amdgpu, :cache_dir) || System.get_env("AMDGPU_CACHE_DIR") ||
        Path.join(System.get_env("XDG_CACHE_HOME") || Path.expand("~/.cache"), "amdgpu")

    case writable(dir) do
      :ok ->
        [ok("kernel cache", dir)]

      {:error, reason} ->
        [
          note(
            "kernel cache",
            "#{dir}: #{:file.format_error(reason)}; kernels are compiled anew by each VM",
            "set AMDGPU_CACHE_DIR to a folder that can be written"
          )
        ]
    end
  end

  defp writable(dir) do
    probe = Path.join(dir, ".doctor-#{System.pid()}")

    with :ok <- File.mkdir_p(dir),
         :ok <- File.write(probe, "") do
      File.rm(probe)
    end
  end

  # Without the NIF there is nobody to ask.
  defp gpus do
    for probe <- Probe.all(refresh: true),
        probe.kind != :host,
        finding <- Vendors.findings(probe, Vendors.cards(probe.kind)),
        do: finding
  rescue
    _ in [UndefinedFunctionError, ErlangError] -> []
  end

  defp main_job do
    case Application.ensure_all_started(:amdgpu) do
      {:ok, _} -> devices() ++ saxpy()
      {:error, reason} -> [failed("library", "does not start: #{inspect(reason)}")]
    end
  end

  defp devices do
    for %{id: {kind, index}, name: name} <- AMDGPU.devices(),
        do: ok("device", "#{kind}:#{index} #{name}")
  rescue
    _ in [UndefinedFunctionError, ErlangError] -> []
  end

  @source """
  extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
  }
  """

  defp saxpy do
    case AMDGPU.open() do
      {:ok, device} ->
        try do
          [run_saxpy(device) | blas(device)]
        after
          AMDGPU.close(device)
        end

      {:error, error} ->
        [failed("open", Exception.message(error))]
    end
  rescue
    # The NIF is not there or does not load; the findings above say why.
    error in [UndefinedFunctionError, ErlangError] ->
      [failed("library", Exception.message(error))]
  catch
    :exit, reason -> [failed("library", "ended: #{inspect(reason, limit: 5)}")]
  end

  # The host device uses no libraries.
  defp blas(%{properties: %{kind: :host}}), do: []

  defp blas(device) do
    case AMDGPU.Blas.library(device) do
      {:ok, library} ->
        [ok("BLAS", "#{library.name} #{library.version} (#{library.path})")]

      {:error, error} ->
        package =
          if device.properties.kind == :hip,
            do: "apt-get install librocblas0 (Debian), or rocblas from repo.radeon.com",
            else: "apt-get install libcublas12 (Debian, non-free), or NVIDIA's libcublas"

        [
          note(
            "BLAS",
            "the runtime's own kernels multiply matrices: #{Exception.message(error)}",
            package
          )
        ]
    end
  end

  defp run_saxpy(device) do
    n = 1000
    x = for i <- 1..n, into: <<>>, do: <<i::float-32-little>>
    expected = for i <- 1..n, into: <<>>, do: <<2.0 * i + 1::float-32-little>>
    ones = :binary.copy(<<1.0::float-32-little>>, n)

    with {:ok, kernel} <- Kernel.compile(device, @source, "saxpy"),
         {:ok, x} <- Buffer.from_binary(device, :f32, x),
         {:ok, y} <- Buffer.from_binary(device, :f32, ones),
         {:ok, launch} <-
           AMDGPU.run(kernel, [grid: 4, block: 256, timeout: 10_000], [n, 2.0, x, y]),
         {:ok, result} <- Buffer.to_binary(y) do
      took = "#{Float.round(launch.duration_ns / 1000, 1)} µs"

      if result == expected,
        do: ok("saxpy", "right, #{took} on #{device.properties.name}"),
        else: failed("saxpy", "ran but its result is wrong")
    else
      {:error, error} -> failed("saxpy", Exception.message(error))
    end
  end

  defp mib(bytes), do: Float.round(bytes / 1_048_576, 1)
end
