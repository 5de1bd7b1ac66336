defmodule AMDGPU.Gateway do
  @moduledoc """
  Runs `amdgpu-gateway` under a supervisor: this VM's telemetry for browsers, Phoenix clients and
  Prometheus, without Phoenix.

      children = [{AMDGPU.Gateway, port: 4000, static: "/srv/dashboard"}]

  Options:

    * `port:` - to listen on; 9477 by default, 0 is any that is free (`port/1` says which)
    * `host:` - address to listen on; `"127.0.0.1"` by default. Others than this machine's need a token
    * `static:` - a folder of files to serve
    * `token:` - what clients must have. It is handed over in the environment, never as an argument,
      which other users could see
    * `recordings:` - a folder that whoever may look may have frames recorded in, 256 MiB at most; made if
      need be. None by default
    * `origins:` - origins whose pages may read, besides its own
    * `name:` - of this process

  The gateway ends when this process does, and with the VM, however that ends. When the gateway ends by
  itself (its port is taken), so does this process, with what it said as the reason.
  """

  use GenServer
  require Logger

  alias AMDGPU.{NativeFiles, Options}

  @start_ms 10_000

  @doc "Starts the gateway and waits until it listens."
  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options) do
    {name, options} = Keyword.split(options, [:name])

    with {:ok, options} <- Options.validate(options, checks()),
         do: GenServer.start_link(__MODULE__, options, name)
  end

  @doc "The port that it listens on."
  @spec port(GenServer.server()) :: :inet.port_number()
  def port(server), do: GenServer.call(server, :port)

  @impl true
  def init(options) do
    Process.flag(:trap_exit, true)

    port =
      Port.open({:spawn_executable, NativeFiles.path("amdgpu-gateway")}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        line: 1024,
        args: arguments(options),
        env: environment(options)
      ])

    case listening(port, []) do
      {:ok, number} -> {:ok, %{port: port, number: number, said: []}}
      {:error, reason} -> {:stop, {:shutdown, reason}}
    end
  rescue
    error in ErlangError ->
      {:stop, {:shutdown, "#{NativeFiles.path("amdgpu-gateway")}: #{inspect(error.original)}"}}
  end

  @impl true
  def handle_call(:port, _from, state), do: {:reply, state.number, state}

  @impl true
  def handle_info({port, {:data, {_, line}}}, %{port: port} = state) do
    Logger.info("amdgpu-gateway: " <> line)
    {:noreply, %{state | said: Enum.take([line | state.said], 5)}}
  end

  def handle_info({port, {:exit_status, status}}, %{port: port} = state),
    do: {:stop, {:gateway_ended, status, Enum.reverse(state.said)}, %{state | port: nil}}

  def handle_info({:EXIT, port, reason}, %{port: port} = state),
    do: {:stop, {:gateway_ended, reason, Enum.reverse(state.said)}, %{state | port: nil}}

  def handle_info(_other, state), do: {:noreply, state}

  # Closing the port ends the gateway's standard input, and with it the gateway.
  @impl true
  def terminate(_reason, %{port: nil}), do: :ok

  def terminate(_reason, %{port: port}) do
    Port.close(port)
  rescue
    ArgumentError -> :ok
  end

  # Its first line says where it listens; before that it may say why it does not.
  defp listening(port, said) do
    receive do
      {^port, {:data, {_, line}}} ->
        case Regex.run(~r/^listening on .* port (\d+)$/, line) do
          [_, number] -> {:ok, String.to_integer(number)}
          nil -> listening(port, [line | said])
        end

      {^port, {:exit_status, status}} ->
        {:error, Enum.join(Enum.reverse(["it ended with #{status}" | said]), "; ")}
    after
      @start_ms -> {:error, "amdgpu-gateway says nothing"}
    end
  end

  defp arguments(options) do
    ["--until-eof", "--host", options.host, "--port", Integer.to_string(options.port)] ++
      ["--pid", System.pid()] ++
      if(options.static, do: ["--static", Path.expand(options.static)], else: []) ++
      if(options.recordings, do: ["--recordings", Path.expand(options.recordings)], else: []) ++
      Enum.flat_map(options.origins, &["--origin", &1])
  end

  # False takes the variable away: the VM's own environment is not the gateway's.
  defp environment(%{token: nil}), do: [{~c"AMDGPU_GATEWAY_TOKEN", false}]
  defp environment(%{token: token}), do: [{~c"AMDGPU_GATEWAY_TOKEN", String.to_charlist(token)}]

  defp checks do
    [
      port: {9477, &(is_integer(&1) and &1 in 0..65_535), "a port"},
      host: {"127.0.0.1", &is_binary/1, "an address"},
      static: {nil, &is_binary/1, "a folder"},
      recordings: {nil, &is_binary/1, "a folder"},
      token: {nil, &(is_binary(&1) and &1 != ""), "a string"},
      origins:
        {[], &(is_list(&1) and Enum.all?(&1, fn o -> is_binary(o) end)), "a list of strings"}
    ]
  end
end
