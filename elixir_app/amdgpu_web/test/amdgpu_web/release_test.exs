defmodule AMDGPUWeb.ReleaseTest do
  # A release starts with nothing but what is in it: no Elixir, no compiler, no sources.
  use ExUnit.Case, async: false

  @moduletag timeout: 900_000
  @project Path.expand("../..", __DIR__)

  if System.get_env("AMDGPU_PRIV_DIR") do
    @moduletag skip: "AMDGPU_PRIV_DIR keeps the native parts elsewhere"
  end

  setup do
    out = Path.join(System.tmp_dir!(), "amdgpu-web-release-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf(out) end)
    %{out: out}
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end

  defp get(port, path) do
    with {:ok, socket} <- :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false]) do
      :gen_tcp.send(
        socket,
        "GET #{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
      )

      read(socket, "")
    end
  end

  defp read(socket, read) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> read(socket, read <> more)
      {:error, _} -> read
    end
  end

  test "it starts elsewhere, opens the device and serves the page", %{out: out} do
    environment = [{"MIX_ENV", "prod"}, {"MIX_BUILD_PATH", Path.join(out, "build")}]
    release = Path.join(out, "release")
    arguments = ["release", "--overwrite", "--path", release]

    {text, status} =
      System.cmd("mix", arguments, cd: @project, env: environment, stderr_to_stdout: true)

    assert status == 0, text
    File.rm_rf!(Path.join(out, "build"))

    assert [_ | _] =
             Path.wildcard(Path.join(release, "lib/amdgpu-*/priv/native/release/amdgpu_nif.so"))

    # No link out of the release.
    {links, 0} = System.cmd("find", [release, "-type", "l"])
    assert links == ""

    port = free_port()
    clean = for {name, _} <- System.get_env(), do: {name, nil}

    wanted = [
      {"PATH", "/usr/bin:/bin"},
      {"HOME", out},
      {"LC_ALL", "C.UTF-8"},
      {"PORT", "#{port}"},
      {"AMDGPU_WEB_DEVICES", "host"}
    ]

    environment =
      for {name, value} <- clean ++ wanted do
        {String.to_charlist(name), if(value, do: String.to_charlist(value), else: false)}
      end

    server =
      Port.open({:spawn_executable, Path.join(release, "bin/amdgpu_web")}, [
        :binary,
        :exit_status,
        :stderr_to_stdout,
        args: ["start"],
        cd: out,
        env: environment
      ])

    page =
      Enum.find_value(1..300, fn _ ->
        Process.sleep(100)
        page = get(port, "/")
        is_binary(page) and page =~ "200 OK" and page
      end)

    assert page, inspect(Process.info(self(), :messages))
    assert page =~ "amdgpu-feed"
    {:os_pid, pid} = Port.info(server, :os_pid)
    System.cmd("kill", ["-TERM", "#{pid}"])
    assert_receive {^server, {:exit_status, 0}}, 20_000
  end
end
