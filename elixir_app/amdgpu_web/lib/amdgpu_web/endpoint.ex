defmodule AMDGPUWeb.Endpoint do
  @moduledoc """
  The application of its own, on Bandit. `config/runtime.exs` says which environment variables it takes.
  """

  use Phoenix.Endpoint, otp_app: :amdgpu_web

  # Strict: no page elsewhere can have a browser ask in our user's name.
  @session [store: :cookie, key: "_amdgpu_web", signing_salt: "b0jzF4kq", same_site: "Strict"]

  socket "/live", Phoenix.LiveView.Socket,
    websocket: [
      connect_info: [:peer_data, :uri, session: @session],
      check_origin: {AMDGPUWeb.Access, :origin?, []}
    ],
    longpoll: false

  socket "/socket", AMDGPUWeb.UserSocket,
    websocket: AMDGPUWeb.UserSocket.websocket(check_origin: {AMDGPUWeb.Access, :origin?, []}),
    longpoll: false

  plug Plug.Telemetry, event_prefix: [:phoenix, :endpoint]
  plug Plug.Parsers, parsers: [:urlencoded], length: 65_536
  plug Plug.MethodOverride
  plug Plug.Head
  plug Plug.Session, @session
  plug AMDGPUWeb.AppRouter

  @doc "The address and port that it is told to listen on; nil when it does not listen."
  @spec listen() :: {:inet.ip_address(), :inet.port_number()} | nil
  def listen do
    config = Application.get_env(:amdgpu_web, __MODULE__, [])

    if config[:http] != nil and
         (config[:server] || Application.get_env(:phoenix, :serve_endpoints, false)) do
      http = config[:http]
      # Bandit's own default is every address.
      {http[:ip] || {0, 0, 0, 0}, http[:port] || 4000}
    end
  end
end
