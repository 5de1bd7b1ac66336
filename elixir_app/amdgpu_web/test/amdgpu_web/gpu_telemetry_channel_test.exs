defmodule AMDGPUWeb.GPUTelemetryChannelTest do
  use AMDGPUWeb.Case, tools: :channel

  alias AMDGPUWeb.{Feed, GPUTelemetryChannel, UserSocket, WebSocket}
  alias Phoenix.Socket.Message

  # Without a transport of ours: messages come to the test itself.
  defp join(payload) do
    UserSocket
    |> socket(nil, %{amdgpu_allowed: true})
    |> subscribe_and_join(GPUTelemetryChannel, "gpu:telemetry", payload)
  end

  defp next_frame, do: next("telemetry_update")

  # Takes everything up to an event: what lies in the mailbox counts as not read.
  defp next(event, wanted? \\ fn _payload -> true end) do
    assert_receive %Message{event: got, payload: payload}, 2_000
    if got == event and wanted?.(payload), do: payload, else: next(event, wanted?)
  end

  test "the newest frame comes at once, and then 60 a second" do
    device = open_device()
    assert {:ok, %{rate: 60, encoding: :protobuf}, _socket} = join(%{})
    assert {:binary, first} = next_frame()
    assert %AMDGPU.Telemetry.Frame{} = AMDGPU.Telemetry.decode!(first)

    sequences =
      for _ <- 1..30 do
        {:binary, bytes} = next_frame()
        frame = AMDGPU.Telemetry.decode!(bytes)
        assert Enum.any?(frame.devices, &(&1.name == device.properties.name))
        frame.sequence
      end

    assert sequences == Enum.uniq(sequences)
    assert sequences == Enum.sort(sequences)
  end

  test "rate, topics and encoding are those of the join" do
    open_device()
    {:ok, %{rate: 10}, socket} = join(%{"rate" => 10, "topics" => ["memory"]})
    {:binary, _first} = next_frame()
    started = System.monotonic_time(:millisecond)

    for _ <- 1..5 do
      {:binary, bytes} = next_frame()
      assert [%{pool: %{}, values: []}] = AMDGPU.Telemetry.decode!(bytes).devices
    end

    took = System.monotonic_time(:millisecond) - started
    assert took in 350..1_500
    Process.unlink(socket.channel_pid)
    close(socket)

    {:ok, %{encoding: :json}, _socket} = join(%{"encoding" => "json", "rate" => 30})
    assert %Feed.JSON{text: text} = next_frame()
    assert %{"sequence" => _, "devices" => [%{"kind" => "host"}]} = Jason.decode!(text)
  end

  test "a launch is told of, unless the client does not want that" do
    device = open_device()
    {:ok, _, socket} = join(%{})
    # What lies unread in a mailbox makes for fewer frames: this one reads while another launches.
    launcher = Task.async(fn -> launch(device, "told") end)
    told = next("kernel_launched", &match?(%{launches: [%{kernel: "told"}]}, &1))
    assert %{count: 1, launches: [%{kernel: "told", status: 0, core_class: :aura}]} = told
    assert hd(told.launches).process == inspect(launcher.pid) |> String.replace("#PID", "")
    Task.await(launcher)
    Process.unlink(socket.channel_pid)
    close(socket)

    {:ok, _, _socket} = join(%{"launch_events" => false})
    launcher = Task.async(fn -> launch(device, "untold") end)

    events =
      Enum.reduce_while(Stream.cycle([1]), [], fn _, events ->
        assert_receive %Message{event: event, payload: payload}, 2_000

        case payload do
          {:binary, bytes} ->
            kernels = AMDGPU.Telemetry.decode!(bytes).kernels
            done = Enum.any?(kernels, &(&1.name == "untold" and &1.work.launches_total == 1))
            {if(done, do: :halt, else: :cont), [event | events]}

          _other ->
            {:cont, [event | events]}
        end
      end)

    assert Enum.uniq(events) == ["telemetry_update"]
    Task.await(launcher)
  end

  test "a lost device is told of" do
    device = open_device()
    {:ok, _, _socket} = join(%{"rate" => 1})
    eventually(fn -> map_size(:sys.get_state(AMDGPUWeb.Digest).losses) == 1 end)
    bad = AMDGPU.Kernel.compile!(device, "__global__ void bad(int* x) { *(int*)8 = 1; }", "bad")
    buffer = AMDGPU.Buffer.zeros!(device, :i32, 1)
    {:error, _} = AMDGPU.run(bad, [grid: 1, block: 1], [buffer])
    %{message: message} = next("device_lost")
    assert message =~ "bad"
  end

  test "what is wrong in a join is said" do
    for {payload, words} <- [
          {%{"rate" => "fast"}, "rate must be"},
          {%{"rate" => 0}, "rate must be"},
          {%{"rate" => 1.0e9}, "rate must be"},
          {%{"encoding" => "xml"}, "encoding must be"},
          {%{"topics" => []}, "topics must be"},
          {%{"topics" => ["devices", "secrets"]}, "topics must be"},
          {%{"topics" => "devices"}, "topics must be"},
          {%{"credit" => 0}, "credit must be"},
          {%{"launch_events" => 1}, "launch_events must be"}
        ] do
      assert {:error, %{reason: reason}} = join(payload)
      assert reason =~ words
    end

    assert {:ok, _, _} = join(%{"unknown" => true})
  end

  test "a socket of ours that let nobody in lets nobody join" do
    assert {:error, %{reason: "not allowed"}} =
             UserSocket
             |> socket(nil, %{})
             |> subscribe_and_join(GPUTelemetryChannel, "gpu:telemetry", %{})
  end

  test "with credit no more frames are under way than that" do
    open_device()
    {:ok, %{credit: 3}, socket} = join(%{"credit" => 3})
    for _ <- 1..3, do: next_frame()
    refute_receive %Message{event: "telemetry_update"}, 200
    push(socket, "ack", %{"frames" => 2})
    for _ <- 1..2, do: next_frame()
    refute_receive %Message{event: "telemetry_update"}, 200
    # More than were sent are no credit.
    push(socket, "ack", %{"frames" => 1_000_000})
    for _ <- 1..3, do: next_frame()
    refute_receive %Message{event: "telemetry_update"}, 200
    ref = push(socket, "ack", %{"frames" => "many"})
    assert_reply(ref, :error, %{reason: "unknown event"})
  end

  test "who dies is forgotten, and with the last the frames end" do
    open_device()
    {:ok, _, socket} = join(%{})
    next_frame()
    assert %{subscribers: 1} = Feed.stats()
    assert Process.whereis(Feed) in AMDGPU.ProfilerHub.subscribers()
    Process.unlink(socket.channel_pid)
    Process.exit(socket.channel_pid, :kill)
    eventually(fn -> Feed.stats().subscribers == 0 end)
    eventually(fn -> Process.whereis(Feed) not in AMDGPU.ProfilerHub.subscribers() end)
  end

  describe "over a connection" do
    @path "/socket/websocket?vsn=2.0.0"

    defp joined(payload, options \\ []) do
      {:ok, client} = WebSocket.connect(@path, options)
      WebSocket.push(client, "1", "1", "phx_join", payload)

      assert {{:text, ["1", "1", "gpu:telemetry", "phx_reply", reply]}, client} =
               WebSocket.receive_message(client)

      assert reply["status"] == "ok"
      {reply["response"], client}
    end

    test "frames are binary, each newer than the one before" do
      open_device()
      {response, client} = joined(%{"launch_events" => false})
      assert response == %{"rate" => 60, "encoding" => "protobuf"}

      {_client, sequences} =
        Enum.reduce(1..60, {client, []}, fn _, {client, seen} ->
          assert {{:binary, "telemetry_update", bytes}, client} =
                   WebSocket.receive_message(client)

          {client, [AMDGPU.Telemetry.decode!(bytes).sequence | seen]}
        end)

      assert Enum.reverse(sequences) == sequences |> Enum.sort() |> Enum.uniq()
      WebSocket.close(client)
      eventually(fn -> Feed.stats().subscribers == 0 end)
    end

    test "one that does not read gets fewer frames, and no queue" do
      device = open_device()
      {_, slow} = joined(%{"encoding" => "json"}, recbuf: 4_096)
      {_, quick} = joined(%{"launch_events" => false})

      [transport] =
        for {_, %{key: {:json, _, _}, deliver: {:signal, pid}}} <-
              :sys.get_state(Feed).subscribers,
            do: pid

      {kernel, buffer} = launch(device, "busy")

      reader =
        Task.async(fn -> read_for(quick, System.monotonic_time(:millisecond) + 2_500, 0) end)

      for _ <- 1..2_000, do: AMDGPU.run!(kernel, [grid: 1, block: 64], [buffer])
      frames = Task.await(reader)
      assert frames > 90

      assert {:message_queue_len, waiting} = Process.info(transport, :message_queue_len)
      assert waiting <= 2
      assert Feed.stats().skipped > 20
      assert Process.alive?(transport)
      WebSocket.close(slow)
      WebSocket.close(quick)
    end

    test "one that stops to acknowledge has a few frames under way, and then the newest" do
      open_device()
      {%{"credit" => 2}, client} = joined(%{"credit" => 2, "launch_events" => false})
      {{:binary, _, _}, client} = WebSocket.receive_message(client)
      {{:binary, _, old}, client} = WebSocket.receive_message(client)
      assert {:timeout, client} = WebSocket.receive_message(client, 300)
      WebSocket.push(client, "1", "2", "ack", %{"frames" => 2})
      assert {{:binary, _, new}, client} = WebSocket.receive_message(client)
      newest = AMDGPU.Telemetry.latest().sequence
      new = AMDGPU.Telemetry.decode!(new).sequence
      assert new > AMDGPU.Telemetry.decode!(old).sequence + 10
      assert newest - new < 10
      WebSocket.close(client)
    end

    defp read_for(client, until, frames) do
      if System.monotonic_time(:millisecond) > until do
        frames
      else
        case WebSocket.receive_message(client) do
          {{:binary, _, _}, client} -> read_for(client, until, frames + 1)
          {_other, client} -> read_for(client, until, frames)
        end
      end
    end
  end
end
