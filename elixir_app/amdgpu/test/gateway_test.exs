defmodule AMDGPU.GatewayTest do
  # amdgpu-gateway as a child of this VM.
  use AMDGPU.DeviceCase, async: false

  alias AMDGPU.Gateway

  @moduletag :tmp_dir

  defp start(options) do
    Process.flag(:trap_exit, true)
    Gateway.start_link([port: 0] ++ options)
  end

  defp get(port, path, headers \\ "") do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    request = "GET #{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n#{headers}\r\n"
    :ok = :gen_tcp.send(socket, request)
    answer = read(socket, "")
    [_, status] = Regex.run(~r/^HTTP\/1.1 (\d+)/, answer)
    [_head, body] = String.split(answer, "\r\n\r\n", parts: 2)
    {String.to_integer(status), body}
  end

  defp read(socket, read) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> read(socket, read <> more)
      {:error, :closed} -> read
    end
  end

  defp os_pid(gateway) do
    %{port: port} = :sys.get_state(gateway)
    {:os_pid, pid} = Port.info(port, :os_pid)
    pid
  end

  defp alive?(os_pid), do: File.exists?("/proc/#{os_pid}")

  defp gone(os_pid, tries \\ 500) do
    cond do
      not alive?(os_pid) ->
        true

      tries == 0 ->
        false

      true ->
        Process.sleep(10)
        gone(os_pid, tries - 1)
    end
  end

  test "serves this VM's telemetry, and files", %{tmp_dir: tmp} do
    File.write!(Path.join(tmp, "index.html"), "<title>here</title>")
    device = AMDGPU.open!(:host, threads: 1)
    {:ok, gateway} = start(static: tmp)
    port = Gateway.port(gateway)
    assert {200, page} = get(port, "/")
    assert page =~ "here"
    assert {200, metrics} = get(port, "/metrics")
    assert metrics =~ "gpu_"
    # It attaches to this VM by itself, after it has begun to listen.
    eventually(fn -> match?({200, _}, get(port, "/readyz")) end)
    assert {200, frame} = get(port, "/api/v1/frame")
    assert frame =~ ~s("pid":#{System.pid()})
    eventually(fn -> elem(get(port, "/api/v1/frame"), 1) =~ device.properties.name end)
    AMDGPU.close(device)
    GenServer.stop(gateway)
  end

  test "asks for the token, which no other user can see in its arguments" do
    {:ok, gateway} = start(token: "a secret")
    port = Gateway.port(gateway)
    assert {401, _} = get(port, "/metrics")
    assert {status, _} = get(port, "/metrics", "Authorization: Bearer a secret\r\n")
    assert status in [200, 503]
    refute File.read!("/proc/#{os_pid(gateway)}/cmdline") =~ "secret"
    GenServer.stop(gateway)
  end

  test "ends with its process, however that ends" do
    {:ok, gateway} = start([])
    first = os_pid(gateway)
    assert alive?(first)
    GenServer.stop(gateway)
    assert gone(first)

    {:ok, gateway} = start([])
    second = os_pid(gateway)
    Process.exit(gateway, :kill)
    assert gone(second)
  end

  test "a port that is taken, an address that is none and unknown options are errors with words" do
    {:ok, gateway} = start([])
    port = Gateway.port(gateway)
    assert {:error, {:shutdown, why}} = start(port: port)
    assert why =~ "in use"
    assert {:error, {:shutdown, why}} = start(host: "0.0.0.0")
    assert why =~ "token"
    assert {:error, %AMDGPU.Error{message: message}} = start(ports: 1)
    assert message =~ ":ports"
    GenServer.stop(gateway)
  end

  test "a gateway that ends by itself is started again by its supervisor" do
    {:ok, supervisor} = Supervisor.start_link([{Gateway, port: 0}], strategy: :one_for_one)
    child = fn -> supervisor |> Supervisor.which_children() |> hd() |> elem(1) end
    first = child.()
    old = os_pid(first)
    System.cmd("kill", ["-KILL", "#{old}"])
    assert gone(old)

    second =
      Enum.find_value(1..500, fn _ ->
        Process.sleep(10)
        is_pid(child.()) and child.() != first and child.()
      end)

    assert alive?(os_pid(second))
    Supervisor.stop(supervisor)
  end
end
