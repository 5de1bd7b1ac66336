defmodule AMDGPU.Processes do
  @moduledoc "The operating system's processes, from /proc."

  @doc "The numbers of the running children of `parent` whose program is `name` (15 letters)."
  def children(parent, name) do
    for %{pid: pid, parent: ^parent, name: ^name, state: state} <- all(),
        state not in ["Z", "X"],
        do: pid
  end

  @doc "Whether the process runs (a zombie does not)."
  def alive?(pid), do: match?(%{state: state} when state not in ["Z", "X"], read(pid))

  @doc "This VM's number."
  def self_pid, do: String.to_integer(System.pid())

  @doc "Ends a process at once."
  def kill(pid), do: {_, 0} = System.cmd("kill", ["-9", to_string(pid)])

  defp all do
    for entry <- File.ls!("/proc"),
        match?({_, ""}, Integer.parse(entry)),
        info = read(String.to_integer(entry)),
        do: info
  end

  # comm has at most 15 characters and may hold anything, parentheses included.
  defp read(pid) do
    with {:ok, stat} <- File.read("/proc/#{pid}/stat"),
         [_, name, state, parent] <- Regex.run(~r/^\d+ \((.*)\) (\S) (\d+)/s, stat) do
      %{pid: pid, name: name, state: state, parent: String.to_integer(parent)}
    else
      _ -> nil
    end
  end
end
