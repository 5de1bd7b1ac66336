# What AMDGPUWeb's channel is compared with: a Phoenix channel that broadcasts each frame (of about 2 KB), and nothing more.
# Serves until its standard input ends; bench/gateway's channel_load is the other side.
#
#     MIX_ENV=prod mix run --no-start bench/bare_channel.exs PORT
Code.require_file("launches.exs", __DIR__)

defmodule Bare.Channel do
  use Phoenix.Channel
  def join("gpu:telemetry", _payload, socket), do: {:ok, socket}
end

defmodule Bare.Socket do
  use Phoenix.Socket
  channel "gpu:telemetry", Bare.Channel
  def connect(_params, socket, _info), do: {:ok, socket}
  def id(_socket), do: nil
end

defmodule Bare.Endpoint do
  use Phoenix.Endpoint, otp_app: :amdgpu_web
  socket "/socket", Bare.Socket, websocket: true, longpoll: false
end

[port] = System.argv()

Application.put_env(:amdgpu_web, Bare.Endpoint,
  adapter: Bandit.PhoenixAdapter,
  http: [ip: {127, 0, 0, 1}, port: String.to_integer(port)],
  server: true,
  check_origin: false,
  pubsub_server: Bare.PubSub,
  secret_key_base: String.duplicate("x", 64)
)

Logger.configure(level: :warning)

for application <- [:phoenix, :bandit, :amdgpu],
    do: {:ok, _} = Application.ensure_all_started(application)

{:ok, _} =
  Supervisor.start_link([{Phoenix.PubSub, name: Bare.PubSub}, Bare.Endpoint],
    strategy: :one_for_one
  )

Launches.start()

spawn_link(fn ->
  :ok = AMDGPU.Telemetry.subscribe(as: :encoded)

  Stream.repeatedly(fn ->
    receive do
      {:amdgpu_frame, bytes} ->
        Bare.Endpoint.broadcast!("gpu:telemetry", "telemetry_update", {:binary, bytes})
    end
  end)
  |> Stream.run()
end)

IO.puts("serving")
IO.read(:stdio, :eof)
