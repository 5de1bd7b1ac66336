defmodule Demo.ServeTest do
  # The demo as a command of its own: it serves until Ctrl-C, and leaves nothing behind.
  use ExUnit.Case, async: false

  @moduletag timeout: 120_000

  # As bin/demo does, without building.
  @expression "{:ok, _} = Application.ensure_all_started(:amdgpu); System.halt(Demo.CLI.main(System.argv()))"

  setup do
    out = Path.join(System.tmp_dir!(), "demo-serve-#{System.unique_integer([:positive])}")
    on_exit(fn -> File.rm_rf(out) end)
    %{out: out}
  end

  defp start(arguments) do
    Port.open({:spawn_executable, System.find_executable("elixir")}, [
      :binary,
      :exit_status,
      :stderr_to_stdout,
      args: [
        "-S",
        "mix",
        "run",
        "--no-compile",
        "--no-start",
        "-e",
        @expression,
        "--" | arguments
      ],
      # Of the project as it was built for this test.
      env: [{~c"MIX_ENV", to_charlist(Mix.env())}, {~c"ELIXIR_ERL_OPTIONS", ~c"+Bd"}]
    ])
  end

  defp read_until(port, words, read \\ "") do
    if read =~ words do
      read
    else
      receive do
        {^port, {:data, more}} -> read_until(port, words, read <> more)
        {^port, {:exit_status, status}} -> flunk("it ended with #{status}: #{read}")
      after
        60_000 -> flunk("it did not say #{inspect(words)}: #{read}")
      end
    end
  end

  # Every process below one, itself included.
  defp family(pid) do
    children =
      for file <- Path.wildcard("/proc/#{pid}/task/*/children"),
          child <- file |> File.read() |> elem(1) |> to_string() |> String.split(),
          do: child

    [to_string(pid) | Enum.flat_map(children, &family/1)]
  end

  defp free_port do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    :gen_tcp.close(socket)
    port
  end

  defp get(port, path) do
    {:ok, socket} = :gen_tcp.connect({127, 0, 0, 1}, port, [:binary, active: false])
    :ok = :gen_tcp.send(socket, "GET #{path} HTTP/1.0\r\nHost: localhost\r\n\r\n")
    read_all(socket, "")
  end

  defp read_all(socket, read) do
    case :gen_tcp.recv(socket, 0, 5_000) do
      {:ok, more} -> read_all(socket, read <> more)
      {:error, _} -> read
    end
  end

  test "it serves the load's frames until Ctrl-C, and leaves no process and no shared memory", %{
    out: out
  } do
    before = File.ls!("/dev/shm")
    port = free_port()
    demo = start(["--device", "host", "--size", "64x64", "--out", out, "--port", "#{port}"])
    text = read_until(demo, "Ctrl-C ends it")
    assert text =~ "http://localhost:#{port}"
    assert text =~ "amdgpu-gateway"

    frame =
      Enum.find_value(1..100, fn _ ->
        Process.sleep(100)
        frame = get(port, "/api/v1/frame")
        if frame =~ "demo_neurons" and frame =~ "demo_images", do: frame
      end)

    assert frame

    {:os_pid, pid} = Port.info(demo, :os_pid)
    family = family(pid)
    # The VM, its helpers, a worker, the compiler, the gateway.
    assert length(family) >= 4

    commands =
      Enum.map_join(family, "\n", &(File.read("/proc/#{&1}/cmdline") |> elem(1) |> to_string()))

    assert commands =~ "amdgpu-gateway"
    assert commands =~ "amdgpu_worker"
    System.cmd("kill", ["-INT", "#{pid}"])
    assert_receive {^demo, {:exit_status, _}}, 20_000

    left = fn -> Enum.filter(family, &running?/1) end
    Enum.find(1..500, fn _ -> left.() == [] or (Process.sleep(20) && false) end)
    assert left.() == []
    assert File.ls!("/dev/shm") -- before == []
    assert {:error, :econnrefused} = :gen_tcp.connect({127, 0, 0, 1}, port, [])
  end

  # A zombie that nobody has waited for yet has ended.
  defp running?(pid) do
    case File.read("/proc/#{pid}/stat") do
      {:ok, stat} -> not (stat =~ ~r/\) Z /)
      {:error, _} -> false
    end
  end

  test "a port that is taken is said, and the demo ends", %{out: out} do
    {:ok, socket} = :gen_tcp.listen(0, ip: {127, 0, 0, 1})
    {:ok, port} = :inet.port(socket)
    demo = start(["--device", "host", "--size", "64x64", "--out", out, "--port", "#{port}"])
    assert_receive {^demo, {:exit_status, 1}}, 60_000
    assert drain(demo, "") =~ "in use"
  end

  defp drain(port, read) do
    receive do
      {^port, {:data, more}} -> drain(port, read <> more)
    after
      0 -> read
    end
  end
end
