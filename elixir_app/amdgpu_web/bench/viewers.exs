# LiveView viewers without a browser: how long after the digest is published each has the diff, and what the server's VM
# takes of a core, with the clients in the same VM.
#
#     MIX_ENV=prod PORT=0 mix run --no-start bench/viewers.exs [VIEWERS] [HERTZ] [SECONDS]
unless Code.ensure_loaded?(AMDGPUWeb.WebSocket),
  do: Code.require_file("../test/support/web_socket.ex", __DIR__)

Application.put_env(:phoenix, :serve_endpoints, true)
Application.put_env(:amdgpu_web, :devices, [])
Logger.configure(level: :warning)
{:ok, _} = Application.ensure_all_started(:amdgpu_web)

defmodule Viewers do
  alias AMDGPUWeb.{Digest, WebSocket}

  def run(viewers, hertz, seconds) do
    Application.put_env(:amdgpu_web, :live_rate, 1)
    device = AMDGPU.open!(:host, threads: 1)
    for i <- 1..30, do: launch(device, "kernel_#{i}")
    parent = self()
    pids = for _ <- 1..viewers, do: spawn_link(fn -> view(parent) end)
    for pid <- pids, do: receive(do: ({:joined, ^pid} -> :ok))
    Process.sleep(1_000)
    {cpu, _} = :erlang.statistics(:runtime)
    for _ <- 1..(hertz * seconds), do: publish(hertz)
    {cpu_after, _} = :erlang.statistics(:runtime)
    Process.sleep(500)
    ages = Enum.flat_map(pids, &collect/1) |> Enum.sort()
    count = length(ages)
    at = fn q -> Float.round(Enum.at(ages, trunc(q * (count - 1))) / 1.0e6, 2) end

    IO.puts(
      "#{viewers} viewers at #{hertz} Hz: #{Float.round(count / viewers / seconds, 1)} diffs/s each; " <>
        "ms from published to received: p50 #{at.(0.5)}, p99 #{at.(0.99)}, largest #{at.(1)}; " <>
        "#{Float.round((cpu_after - cpu) / seconds / 10, 1)} % of a core, clients included"
    )

    AMDGPU.close(device)
  end

  defp launch(device, name) do
    source = "extern \"C\" __global__ void #{name}(int* x) { x[threadIdx.x] *= 2; }"
    kernel = AMDGPU.Kernel.compile!(device, source, name)
    AMDGPU.run!(kernel, [grid: 1, block: 1], [AMDGPU.Buffer.zeros!(device, :i32, 1)])
  end

  # Ten rows change, as with ten busy kernels; one of them says when.
  defp publish(hertz) do
    :sys.replace_state(Digest, fn state ->
      now = System.monotonic_time()

      kernels =
        for {{:kernels, id} = key, kernel} <- Enum.take(state.items.now, 200),
            rem(id, 3) == 0,
            into: %{},
            do: {key, %{kernel | launches: kernel.launches + 1}}

      items = Map.merge(state.items.now, kernels)

      owner = %{
        id: 0,
        process: "t=#{now}.",
        name: "",
        ended: false,
        bytes: 0,
        buffers: 0,
        launches: 0
      }

      put_in(state.items.now, Map.put(items, {:owners, 0}, owner))
    end)

    send(Process.whereis(Digest), :publish)
    Process.sleep(div(1000, hertz))
  end

  defp view(parent) do
    {:ok, {_, port}} = AMDGPUWeb.Endpoint.server_info(:http)
    {:ok, tcp} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])

    :ok =
      :gen_tcp.send(tcp, "GET / HTTP/1.1\r\nHost: localhost:#{port}\r\nConnection: close\r\n\r\n")

    page = read(tcp, "")
    find = fn expression -> expression |> Regex.run(page) |> List.last() end
    id = find.(~r/id="(phx-[^"]+)"/)
    csrf = find.(~r/name="csrf-token" content="([^"]+)"/)
    cookie = find.(~r/set-cookie: ([^;]+);/i)
    path = "/live/websocket?vsn=2.0.0&_mounts=0&_csrf_token=#{URI.encode_www_form(csrf)}"
    # What a browser does with a diff is not the server's: it is not even decoded here.
    {:ok, client} = WebSocket.connect(path, cookie: cookie, decode: false)

    join = %{
      "url" => "http://localhost:#{port}/",
      "params" => %{"_csrf_token" => csrf, "_mounts" => 0},
      "session" => find.(~r/data-phx-session="([^"]+)"/),
      "static" => find.(~r/data-phx-static="([^"]+)"/)
    }

    WebSocket.push(client, "1", "1", "phx_join", join, "lv:" <> id)

    {{:text, reply}, client} = WebSocket.receive_message(client)
    [_, _, _, "phx_reply", %{"status" => "ok"}] = Jason.decode!(reply)
    send(parent, {:joined, self()})
    watch(client, [])
  end

  defp watch(client, ages) do
    case WebSocket.receive_message(client, 300) do
      {{:text, message}, client} ->
        now = System.monotonic_time()

        case Regex.run(~r/t=(-?\d+)\./, message) do
          [_, stamp] -> watch(client, [now - String.to_integer(stamp) | ages])
          nil -> watch(client, ages)
        end

      {:timeout, client} ->
        receive do
          {:collect, pid} -> send(pid, {:ages, self(), ages})
        after
          0 -> watch(client, ages)
        end

      {_other, client} ->
        watch(client, ages)
    end
  end

  defp collect(pid) do
    send(pid, {:collect, self()})
    receive(do: ({:ages, ^pid, ages} -> ages))
  end

  defp read(tcp, read) do
    case :gen_tcp.recv(tcp, 0, 5_000) do
      {:ok, more} -> read(tcp, read <> more)
      {:error, :closed} -> read
    end
  end
end

[viewers, hertz, seconds] =
  case Enum.map(System.argv(), &String.to_integer/1) do
    [] -> [100, 10, 10]
    [viewers] -> [viewers, 10, 10]
    [viewers, hertz] -> [viewers, hertz, 10]
    all -> all
  end

Viewers.run(viewers, hertz, seconds)
