defmodule AMDGPUWeb.Access do
  @moduledoc """
  Who may see the dashboard of the stand-alone application.

  With a configured token (`config :amdgpu_web, token:`) who has it: as `?token=` once, which a session
  remembers, or as `Authorization: Bearer`. Without one who is on this machine *and* calls it by a loopback
  name: a page elsewhere that points its name at 127.0.0.1 is refused.

  A plug for the HTTP side, `on_mount` for LiveViews, `client?/3` for sockets, `origin?/1` for
  `check_origin`.
  """

  @behaviour Plug
  import Plug.Conn
  import Phoenix.LiveView, only: [get_connect_info: 2, redirect: 2, connected?: 1]

  @session "amdgpu_access"

  @impl Plug
  def init(options), do: options

  @impl Plug
  def call(conn, _options) do
    conn = fetch_query_params(conn)
    given = conn.query_params["token"]

    cond do
      token() == nil ->
        if local?(conn.remote_ip, conn.host), do: conn, else: refuse_remote(conn)

      remembered?(get_session(conn, @session)) or token?(bearer(conn)) ->
        conn

      token?(given) ->
        remember(conn)

      true ->
        ask(conn, given)
    end
  end

  @doc "A token in a form, sent by `ask/2`'s page."
  @spec sign_in(Plug.Conn.t(), map()) :: Plug.Conn.t()
  def sign_in(conn, params) do
    if token() != nil and token?(params["token"]), do: remember(conn), else: ask(conn, "")
  end

  @doc "`on_mount` of the pages: `:default`, and `:kernel_bench` for the page that runs code."
  def on_mount(:kernel_bench, params, session, socket) do
    if Application.get_env(:amdgpu_web, :kernel_bench, false),
      do: on_mount(:default, params, session, socket),
      else: {:halt, redirect(socket, to: "/")}
  end

  def on_mount(:default, _params, session, socket) do
    allowed? =
      case token() do
        nil -> not connected?(socket) or local_socket?(socket)
        _token -> remembered?(session[@session])
      end

    if allowed?, do: {:cont, socket}, else: {:halt, redirect(socket, to: "/")}
  end

  @doc "What LiveViews get of the session: whether its user was let in."
  def session(conn), do: %{@session => get_session(conn, @session) || bearer_session(conn)}

  @doc "Whether a socket's client may have data, by its token, its address and the name it calls us."
  @spec client?(term(), map() | nil, URI.t() | nil) :: boolean()
  def client?(given, peer, uri) do
    case token() do
      nil -> peer != nil and uri != nil and local?(peer.address, uri.host)
      _token -> token?(given)
    end
  end

  @doc "Whether pages of this origin may open a socket."
  @spec origin?(URI.t()) :: boolean()
  def origin?(%URI{host: host}) do
    loopback_name?(host) or host in Application.get_env(:amdgpu_web, :origins, [])
  end

  @doc "Refuses to listen for others without a token."
  @spec check_listen({:inet.ip_address(), :inet.port_number()} | nil) ::
          :ok | {:error, String.t()}
  def check_listen(nil), do: :ok

  def check_listen({address, _port}) do
    if token() != nil or loopback?(address) do
      :ok
    else
      {:error,
       "#{:inet.ntoa(address)} is not a loopback address: a token is needed " <>
         "(AMDGPU_WEB_TOKEN or AMDGPU_WEB_TOKEN_FILE)"}
    end
  end

  @doc "Whether a name means this machine: `localhost`, `127.x.x.x`, `::1`."
  @spec loopback_name?(String.t() | nil) :: boolean()
  def loopback_name?(nil), do: false
  def loopback_name?("localhost"), do: true

  def loopback_name?(host) do
    case host |> String.trim_leading("[") |> String.trim_trailing("]") |> parse() do
      {:ok, address} -> loopback?(address)
      {:error, _} -> false
    end
  end

  defp parse(host), do: host |> String.to_charlist() |> :inet.parse_strict_address()

  @doc "Whether an address is of this machine alone."
  @spec loopback?(:inet.ip_address()) :: boolean()
  def loopback?({127, _, _, _}), do: true
  def loopback?({0, 0, 0, 0, 0, 0, 0, 1}), do: true
  # An IPv4 address on an IPv6 socket: 127.x.x.x.
  def loopback?({0, 0, 0, 0, 0, 0xFFFF, high, _}), do: div(high, 256) == 127
  def loopback?(_), do: false

  defp local?(address, host), do: loopback?(address) and loopback_name?(host)

  defp local_socket?(socket) do
    peer = get_connect_info(socket, :peer_data)
    uri = get_connect_info(socket, :uri)
    peer != nil and uri != nil and local?(peer.address, uri.host)
  end

  defp token, do: Application.get_env(:amdgpu_web, :token)

  # In a time that depends on neither.
  defp token?(given) when is_binary(given) and given != "",
    do: Plug.Crypto.secure_compare(fingerprint(given), fingerprint(token()))

  defp token?(_none), do: false

  defp remembered?(value) when is_binary(value),
    do: Plug.Crypto.secure_compare(value, fingerprint(token()))

  defp remembered?(_none), do: false

  # What a session keeps: a new token ends the sessions of the old. Nobody can try tokens on it who does not have
  # our secret.
  defp fingerprint(token) do
    secret = AMDGPUWeb.Endpoint.config(:secret_key_base)
    :hmac |> :crypto.mac(:sha256, secret, "amdgpu access " <> token) |> Base.encode64()
  end

  defp bearer(conn) do
    case get_req_header(conn, "authorization") do
      ["Bearer " <> token] -> token
      _ -> nil
    end
  end

  defp bearer_session(conn), do: if(token() && token?(bearer(conn)), do: fingerprint(token()))

  # The address without the token, so that it is not kept in histories.
  defp remember(conn) do
    query = conn.query_params |> Map.delete("token") |> Plug.Conn.Query.encode()
    path = if conn.method == "GET", do: conn.request_path, else: "/"

    conn
    |> configure_session(renew: true)
    |> put_session(@session, fingerprint(token()))
    |> Phoenix.Controller.redirect(to: path <> if(query == "", do: "", else: "?" <> query))
    |> halt()
  end

  defp ask(conn, given) do
    conn
    |> put_status(401)
    |> put_resp_header("www-authenticate", "Bearer")
    |> page(AMDGPUWeb.Layouts.token(%{wrong?: given != nil}))
  end

  defp refuse_remote(conn) do
    conn
    |> put_status(403)
    |> page(AMDGPUWeb.Layouts.refused(%{host: conn.host}))
  end

  defp page(conn, rendered) do
    conn
    |> put_resp_content_type("text/html")
    |> send_resp(conn.status, Phoenix.HTML.Safe.to_iodata(rendered))
    |> halt()
  end
end
