defmodule AMDGPUWeb.UserSocket do
  @moduledoc """
  The socket of `AMDGPUWeb.GPUTelemetryChannel`:

      socket "/socket", AMDGPUWeb.UserSocket, websocket: AMDGPUWeb.UserSocket.websocket()

  Who may connect: with the parameter `token`, the one that is configured, or one that a page of ours was
  given (`token/1`, good for a day). Without a configured token also who is on this machine and calls it
  by a loopback name.
  """

  use Phoenix.Socket
  use AMDGPUWeb.Feed.Transport

  alias AMDGPUWeb.Access

  channel "gpu:telemetry", AMDGPUWeb.GPUTelemetryChannel

  @salt "amdgpu feed"
  @max_age_s 24 * 60 * 60
  # Clients send joins and acknowledgements.
  @most_bytes 65_536

  @doc "Options of the endpoint's `websocket:`; `more` are added."
  @spec websocket(keyword()) :: keyword()
  def websocket(more \\ []) do
    Keyword.merge(
      [connect_info: [:peer_data, :uri], max_frame_size: @most_bytes, timeout: 60_000],
      more
    )
  end

  @doc "A token with which a page's script may connect."
  @spec token(module() | Phoenix.LiveView.Socket.t()) :: String.t()
  def token(context), do: Phoenix.Token.sign(context, @salt, :feed)

  @impl true
  def connect(params, socket, info) do
    if signed?(socket, params["token"]) or
         Access.client?(params["token"], info[:peer_data], info[:uri]),
       do: {:ok, assign(socket, :amdgpu_allowed, true)},
       else: {:error, :unauthorized}
  end

  @impl true
  def id(_socket), do: nil

  defp signed?(socket, token) when is_binary(token),
    do: match?({:ok, :feed}, Phoenix.Token.verify(socket, @salt, token, max_age: @max_age_s))

  defp signed?(_socket, _none), do: false
end
