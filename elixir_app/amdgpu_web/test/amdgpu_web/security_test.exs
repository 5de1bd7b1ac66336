defmodule AMDGPUWeb.SecurityTest do
  use AMDGPUWeb.Case
  import ExUnit.CaptureLog
  import Plug.Conn, only: [put_req_header: 3, get_resp_header: 2]

  alias AMDGPUWeb.{Access, UserSocket, WebSocket}

  @socket "/socket/websocket?vsn=2.0.0"
  @token "correct horse battery staple"

  describe "without a token" do
    test "only this machine is answered, and only by a name of its own" do
      assert local_conn() |> get("/") |> response(200)
      assert %{local_conn() | host: "127.0.0.1"} |> get("/") |> response(200)
      assert %{local_conn() | host: "[::1]"} |> get("/") |> response(200)

      for host <- ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", ""] do
        assert %{local_conn() | host: host} |> get("/") |> response(403)
      end

      for address <- [{10, 0, 0, 1}, {128, 0, 0, 1}, {0x2001, 0xDB8, 0, 0, 0, 0, 0, 1}] do
        assert %{local_conn() | remote_ip: address} |> get("/") |> response(403)
        assert %{local_conn() | remote_ip: address} |> get("/system/home") |> response(403)
        assert %{local_conn() | remote_ip: address} |> get("/bench") |> response(403)
      end
    end

    test "a refused host name is shown, not run" do
      html = %{local_conn() | host: "<script>alert(1)</script>"} |> get("/") |> response(403)
      assert html =~ "&lt;script&gt;"
      refute html =~ "<script>"
    end

    test "it does not start to listen for others" do
      assert :ok = Access.check_listen({{127, 0, 0, 1}, 4000})
      assert :ok = Access.check_listen({{0, 0, 0, 0, 0, 0, 0, 1}, 4000})
      assert :ok = Access.check_listen(nil)
      assert {:error, why} = Access.check_listen({{0, 0, 0, 0}, 4000})
      assert why =~ "AMDGPU_WEB_TOKEN"
      put_config(:token, @token)
      assert :ok = Access.check_listen({{0, 0, 0, 0}, 4000})
    end

    test "the socket takes this machine, by a name of its own, from pages of its own" do
      assert {:ok, client} = WebSocket.connect(@socket)
      WebSocket.close(client)
      # A program has no origin.
      assert {:ok, client} = WebSocket.connect(@socket, origin: nil)
      WebSocket.close(client)
      assert {:error, "403"} = WebSocket.connect(@socket, origin: "http://evil.example")
      assert {:error, "403"} = WebSocket.connect(@socket, host: "evil.example", origin: nil)

      assert {:error, "403"} =
               WebSocket.connect("/live/websocket?vsn=2.0.0", origin: "http://evil.example")
    end
  end

  describe "with a token" do
    setup do
      put_config(:token, @token)
    end

    test "pages ask for it, and remember who had it" do
      conn = get(local_conn(), "/")
      assert html = response(conn, 401)
      assert html =~ ~s(type="password")
      assert get_resp_header(conn, "www-authenticate") == ["Bearer"]
      assert local_conn() |> get("/?token=wrong") |> response(401) =~ "not the token"
      assert local_conn() |> get("/?token[]=#{URI.encode_www_form(@token)}") |> response(401)

      conn =
        get(
          %{local_conn() | host: "gpu.example", remote_ip: {10, 0, 0, 1}},
          "/?token=#{URI.encode_www_form(@token)}&a=1"
        )

      # Not in the address any more.
      assert redirected_to(conn) == "/?a=1"
      assert conn |> recycle() |> get("/") |> html_response(200) =~ "AmdgpuFeed"
      [cookie] = get_resp_header(conn, "set-cookie")
      assert cookie =~ "HttpOnly"
      assert cookie =~ "SameSite=Strict"
      refute cookie =~ "horse"

      # A new token ends the sessions of the old.
      put_config(:token, "another")
      assert conn |> recycle() |> get("/") |> response(401)
    end

    test "a form and a header will do as well" do
      conn = post(local_conn(), "/access", %{"token" => @token})
      assert redirected_to(conn) == "/"
      assert conn |> recycle() |> get("/") |> response(200)
      assert local_conn() |> post("/access", %{"token" => ""}) |> response(401)
      assert local_conn() |> post("/access", %{}) |> response(401)

      assert local_conn()
             |> put_req_header("authorization", "Bearer #{@token}")
             |> get("/")
             |> response(200)

      assert local_conn()
             |> put_req_header("authorization", "Bearer no")
             |> get("/")
             |> response(401)
    end

    test "a page that was let in stays so when its connection is new; others do not get one" do
      conn = local_conn() |> put_req_header("authorization", "Bearer #{@token}") |> get("/")
      assert {:ok, view, _} = live(conn)
      assert render(view) =~ "Kernels"
      put_config(:token, "another")
      assert {:error, {:redirect, %{to: "/"}}} = live(conn)
    end

    test "the socket needs it" do
      assert {:error, "403"} = WebSocket.connect(@socket)
      assert {:error, "403"} = WebSocket.connect(@socket <> "&token=wrong")
      assert {:error, "403"} = WebSocket.connect(@socket <> "&token[a]=b")
      assert {:ok, client} = WebSocket.connect(@socket <> "&token=#{URI.encode_www_form(@token)}")
      WebSocket.close(client)
      # What a page was given.
      assert {:ok, client} =
               WebSocket.connect(@socket <> "&token=#{UserSocket.token(AMDGPUWeb.Endpoint)}")

      WebSocket.close(client)
      forged = Phoenix.Token.sign(AMDGPUWeb.Endpoint, "another purpose", :feed)
      assert {:error, "403"} = WebSocket.connect(@socket <> "&token=#{forged}")

      old =
        Phoenix.Token.sign(AMDGPUWeb.Endpoint, "amdgpu feed", :feed,
          signed_at: System.os_time(:second) - 90_000
        )

      assert {:error, "403"} = WebSocket.connect(@socket <> "&token=#{old}")
    end

    test "no secret is in the log" do
      level = Logger.level()
      Logger.configure(level: :debug)
      on_exit(fn -> Logger.configure(level: level) end)

      log =
        capture_log(fn ->
          get(local_conn(), "/?token=#{URI.encode_www_form(@token)}")
          get(local_conn(), "/?token=hunter2")
          post(local_conn(), "/access", %{"token" => @token})
          {:ok, client} = WebSocket.connect(@socket <> "&token=#{URI.encode_www_form(@token)}")
          WebSocket.push(client, "1", "1", "phx_join", %{"token" => "hunter2"})
          WebSocket.receive_message(client)
          WebSocket.close(client)
          signed = UserSocket.token(AMDGPUWeb.Endpoint)
          {:ok, client} = WebSocket.connect(@socket <> "&token=" <> signed)
          WebSocket.close(client)
          Process.sleep(100)
          send(self(), {:signed, signed})
        end)

      assert_received {:signed, signed}
      # There is a log, and it says that there was something.
      assert log =~ "[FILTERED]"
      for secret <- ["horse", "hunter2", signed], do: refute(log =~ secret)
    end
  end

  test "a strict policy: nothing inline, nothing from elsewhere, no frames" do
    for path <- ["/", "/bench"] do
      conn = get(local_conn(), path)
      assert [policy] = get_resp_header(conn, "content-security-policy")
      assert policy =~ "default-src 'self'"
      assert policy =~ "frame-ancestors 'none'"
      assert policy =~ "object-src 'none'"
      refute policy =~ "unsafe"
      assert ["nosniff"] = get_resp_header(conn, "x-content-type-options")
    end
  end

  test "no source of ours lets a string into a page as it is" do
    for file <- Path.wildcard(Path.expand("../../lib/**/*.ex", __DIR__)) do
      refute File.read!(file) =~ ~r/\braw\(|\{:safe,|Phoenix\.HTML\.raw/, file
    end
  end

  test "loopback names" do
    for name <- ~w(localhost 127.0.0.1 127.8.9.1 ::1 [::1]),
        do: assert(Access.loopback_name?(name))

    for name <- [
          nil,
          "",
          "localhost.",
          "example.com",
          "127.0.0.1.nip.io",
          "0.0.0.0",
          "127.1",
          "::ffff:10.0.0.1"
        ],
        do: refute(Access.loopback_name?(name))
  end
end
