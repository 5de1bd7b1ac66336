defmodule AMDGPUWeb.WebSocket do
  @moduledoc """
  A WebSocket client over a bare TCP connection: it can name any host and origin, and can refuse to read.
  """
  import Bitwise

  defstruct [:tcp, buffer: "", decode: true]

  @doc "`{:ok, client}` or `{:error, status}` of the upgrade. With `decode: false` texts come as they are."
  def connect(path, options \\ []) do
    {:ok, {_address, port}} = AMDGPUWeb.Endpoint.server_info(:http)
    cookie = Keyword.get(options, :cookie)
    recbuf = Keyword.get(options, :recbuf, 65_536)
    {:ok, tcp} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false, recbuf: recbuf])
    host = Keyword.get(options, :host, "localhost:#{port}")
    origin = Keyword.get(options, :origin, "http://localhost:#{port}")

    request = [
      "GET #{path} HTTP/1.1\r\nHost: #{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
      if(origin, do: "Origin: #{origin}\r\n", else: ""),
      if(cookie, do: "Cookie: #{cookie}\r\n", else: ""),
      "\r\n"
    ]

    :ok = :gen_tcp.send(tcp, request)
    {head, rest} = head(tcp, "")
    [_, status] = Regex.run(~r/^HTTP\/1.1 (\d+)/, head)
    client = %__MODULE__{tcp: tcp, buffer: rest, decode: Keyword.get(options, :decode, true)}
    if status == "101", do: {:ok, client}, else: {:error, status}
  end

  defp head(tcp, read) do
    case String.split(read, "\r\n\r\n", parts: 2) do
      [head, rest] ->
        {head, rest}

      _ ->
        {:ok, more} = :gen_tcp.recv(tcp, 0, 5_000)
        head(tcp, read <> more)
    end
  end

  @doc "Sends a message of the Phoenix protocol."
  def push(client, join_ref, ref, event, payload, topic \\ "gpu:telemetry") do
    text = Jason.encode!([join_ref, ref, topic, event, payload])
    size = byte_size(text)
    length = if size < 126, do: <<128 ||| size>>, else: <<254, size::16>>
    # A mask of zeros leaves the text as it is.
    :ok = :gen_tcp.send(client.tcp, [<<0x81>>, length, <<0::32>>, text])
    client
  end

  @doc "The next message: `{{:text, json} | {:binary, event, payload}, client}`; `:closed`, `:timeout`."
  def receive_message(client, timeout \\ 5_000) do
    case frame(client.buffer) do
      {opcode, data, rest} ->
        {message(opcode, data, client), %{client | buffer: rest}}

      :more ->
        case :gen_tcp.recv(client.tcp, 0, timeout) do
          {:ok, more} -> receive_message(%{client | buffer: client.buffer <> more}, timeout)
          {:error, reason} -> {reason, client}
        end
    end
  end

  defp frame(
         <<1::1, _::3, op::4, 0::1, 127::7, size::64, data::binary-size(size), rest::binary>>
       ),
       do: {op, data, rest}

  defp frame(
         <<1::1, _::3, op::4, 0::1, 126::7, size::16, data::binary-size(size), rest::binary>>
       ),
       do: {op, data, rest}

  defp frame(<<1::1, _::3, op::4, 0::1, size::7, data::binary-size(size), rest::binary>>)
       when size < 126,
       do: {op, data, rest}

  defp frame(_part), do: :more

  defp message(1, text, %{decode: true}), do: {:text, Jason.decode!(text)}
  defp message(1, text, _client), do: {:text, text}

  defp message(
         2,
         <<2, topic, event, _::binary-size(topic), name::binary-size(event), data::binary>>,
         _client
       ),
       do: {:binary, name, data}

  defp message(8, data, _client), do: {:close, data}
  defp message(other, data, _client), do: {other, data}

  def close(client), do: :gen_tcp.close(client.tcp)
end
