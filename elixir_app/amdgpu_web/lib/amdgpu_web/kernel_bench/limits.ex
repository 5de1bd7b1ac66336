defmodule AMDGPUWeb.KernelBench.Limits do
  @moduledoc """
  What each user of the kernel bench may do. `config :amdgpu_web, kernel_bench_limits: [...]`:

    * `compiles_per_minute:` - 30, `runs_per_minute:` - 120
    * `at_once:` - compiles and runs of a user at the same time: 1
    * `source_bytes:` - 65,536
    * `memory_bytes:` - of all buffers on one device: 256 MiB
    * `run_ms:` - of one launch: 5,000; what takes longer is ended
    * `compile_ms:` - 20,000
  """

  use GenServer

  @defaults %{
    compiles_per_minute: 30,
    runs_per_minute: 120,
    at_once: 1,
    source_bytes: 65_536,
    memory_bytes: 256 * 1024 * 1024,
    run_ms: 5_000,
    compile_ms: 20_000
  }
  @minute_ms 60_000

  @doc false
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @doc "All limits."
  @spec all() :: %{atom() => pos_integer()}
  def all,
    do: Map.merge(@defaults, Map.new(Application.get_env(:amdgpu_web, :kernel_bench_limits, [])))

  @doc "Calls `fun` if `user` may compile or run now; otherwise says why not."
  @spec within(term(), :compile | :run, (() -> result)) :: result | {:error, String.t()}
        when result: term()
  def within(user, what, fun) do
    with :ok <- GenServer.call(__MODULE__, {:enter, self(), user, what}) do
      try do
        fun.()
      after
        GenServer.call(__MODULE__, {:leave, self()})
      end
    end
  end

  @impl true
  def init(nil), do: {:ok, %{inside: %{}, past: %{}}}

  @impl true
  def handle_call({:enter, pid, user, what}, _from, state) do
    now = System.monotonic_time(:millisecond)
    past = state.past |> Map.get({user, what}, []) |> Enum.filter(&(now - &1 < @minute_ms))
    here = Enum.count(state.inside, fn {_, {_, one}} -> one == user end)
    most = all()[if(what == :compile, do: :compiles_per_minute, else: :runs_per_minute)]

    cond do
      here >= all().at_once ->
        {:reply, {:error, "another #{what} of yours is not finished"}, state}

      length(past) >= most ->
        wait = div(@minute_ms - (now - List.last(past)), 1000) + 1
        {:reply, {:error, "more than #{most} a minute; the next one in #{wait} s"}, state}

      true ->
        inside = Map.put(state.inside, pid, {Process.monitor(pid), user})
        past = Map.put(forget_old(state.past, now), {user, what}, [now | past])
        {:reply, :ok, %{state | inside: inside, past: past}}
    end
  end

  def handle_call({:leave, pid}, _from, state), do: {:reply, :ok, leave(state, pid)}

  @impl true
  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state),
    do: {:noreply, leave(state, pid)}

  def handle_info(_other, state), do: {:noreply, state}

  defp leave(state, pid) do
    case Map.pop(state.inside, pid) do
      {nil, _} ->
        state

      {{monitor, _user}, rest} ->
        Process.demonitor(monitor, [:flush])
        %{state | inside: rest}
    end
  end

  # Users who have not been here for a minute.
  defp forget_old(past, now),
    do: Map.filter(past, fn {_, [latest | _]} -> now - latest < @minute_ms end)
end
