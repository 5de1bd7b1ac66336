defmodule Demo.Load do
  @moduledoc """
  Something to look at: a few processes, each with kernels, a stream and memory of its own, that take turns
  on a device. It leaves the device idle more than half of the time.
  """

  use Supervisor

  alias Demo.Load.Worker

  @doc "Starts the load on an open device."
  @spec start_link(AMDGPU.Device.t()) :: Supervisor.on_start()
  def start_link(device), do: Supervisor.start_link(__MODULE__, device, name: __MODULE__)

  @impl true
  def init(device) do
    children =
      for {name, job, pause_ms} <- [
            {:demo_images, &Demo.Load.Jobs.images/2, 120},
            {:demo_matmul, &Demo.Load.Jobs.matmul/2, 90},
            {:demo_neurons, &Demo.Load.Jobs.neurons/2, 50},
            {:demo_statistics, &Demo.Load.Jobs.statistics/2, 150},
            {:demo_batches, &Demo.Load.Jobs.batches/2, 200},
            {:demo_compiles, &Demo.Load.Jobs.compiles/2, 15_000}
          ] do
        Supervisor.child_spec({Worker, {name, device, job, pause_ms}}, id: name)
      end

    # A device that is lost comes back by itself; what waits for it is started again.
    Supervisor.init(children, strategy: :one_for_one, max_restarts: 1000, max_seconds: 10)
  end
end

defmodule Demo.Load.Worker do
  @moduledoc false
  # Calls a job over and over, with the state that it returned before; nil at first.

  use GenServer

  def start_link({name, device, job, pause_ms}),
    do: GenServer.start_link(__MODULE__, {device, job, pause_ms}, name: name)

  @impl true
  def init({device, job, pause_ms}) do
    send(self(), :work)
    {:ok, %{device: device, job: job, pause_ms: pause_ms, state: nil}}
  end

  @impl true
  def handle_info(:work, worker) do
    state = worker.job.(worker.device, worker.state)
    # Not in step with the others.
    Process.send_after(self(), :work, worker.pause_ms + :rand.uniform(worker.pause_ms))
    {:noreply, %{worker | state: state}}
  end

  def handle_info(_other, worker), do: {:noreply, worker}
end
