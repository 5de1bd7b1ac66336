defmodule AMDGPU.ChildVM do
  @moduledoc "Runs Elixir code in a BEAM of its own, with the library in its code path."

  @doc """
  Runs `code` and returns `{output, status}`.

  Options: `env:`, `shell:` (a command run before it in the same shell, such as `"ulimit -n 64"`),
  `wrap:` (a command that runs that shell, such as `"unshare -m"`).
  """
  def run(code, options \\ []) do
    [program | arguments] = String.split("#{options[:wrap]} sh -c")

    System.cmd(program, arguments ++ [command(code, options)],
      env: options[:env] || [],
      stderr_to_stdout: true
    )
  end

  @doc "Runs a Mix task of the library, as `mix` does once everything is compiled."
  def run_mix_task("amdgpu.doctor", options),
    do: run("Mix.start()\nMix.Tasks.Amdgpu.Doctor.run([])", [start: false] ++ options)

  @doc "Starts `code` as a port, for tests that end the VM themselves. `{port, os_pid}`."
  def start(code, options \\ []) do
    env = for {name, value} <- options[:env] || [], do: {to_charlist(name), to_charlist(value)}

    port =
      Port.open({:spawn_executable, System.find_executable("sh")}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        line: 4096,
        args: ["-c", command(code, options)],
        env: env
      ])

    {:os_pid, pid} = Port.info(port, :os_pid)
    {port, pid}
  end

  @doc "The next line of a port's output that starts with `prefix`, without it."
  def line(port, prefix, timeout \\ 30_000) do
    receive do
      {^port, {:data, {:eol, line}}} ->
        if String.starts_with?(line, prefix),
          do: String.replace_prefix(line, prefix, ""),
          else: line(port, prefix, timeout)

      {^port, {:exit_status, status}} ->
        raise "the child VM ended with status #{status}"
    after
      timeout -> raise "the child VM said nothing"
    end
  end

  # The shell is replaced by elixir and that by the VM: one process, whose number the port knows.
  defp command(code, options) do
    paths = :code.get_path() |> Enum.map(&List.to_string/1) |> Enum.filter(&(&1 =~ "amdgpu"))
    pa = Enum.map_join(paths, " ", &"-pa '#{&1}'")

    start =
      if Keyword.get(options, :start, true),
        do: "{:ok, _} = Application.ensure_all_started(:amdgpu)\n"

    code = "#{start}#{code}"
    quoted = String.replace(code, "'", "'\\''")
    "#{options[:shell] || "true"} && exec elixir #{pa} -e '#{quoted}'"
  end
end
