# A load to look at: three processes with a stream each, several kernels of every core class, copies, buffers that come and
# go, a compile now and then (some fail). Runs until its standard input ends, or for the seconds given:
#
#     cd elixir_app/amdgpu && mix run ../../bench/dashboard/load.exs [SECONDS]
defmodule Load do
  alias AMDGPU.{Buffer, Kernel, Stream}

  # What the kernels work on: numbers small enough for two shared cores.
  @n 1_048_576
  @side 320

  @source ~S"""
  struct script {};
  template <typename T> __global__ void show(float* x, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] = x[i] * 0.5f + 1.0f;
  }
  extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
  }
  extern "C" __global__ void stencil(int n, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i > 0 && i < n - 1) y[i] = 0.25f * x[i - 1] + 0.5f * x[i] + 0.25f * x[i + 1];
  }
  extern "C" __global__ void spikes(int n, float* v, float threshold) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) v[i] = v[i] > threshold ? 0.0f : v[i] * 1.05f + 0.01f;
  }
  extern "C" __global__ void matmul(const float* a, const float* b, float* c, int n) {
    __shared__ float s[16][16], t[16][16];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, col = blockIdx.x * 16 + x;
    float sum = 0;
    for (int k = 0; k < n; k += 16) {
      s[y][x] = a[row * n + k + x];
      t[y][x] = b[(k + y) * n + col];
      __syncthreads();
      for (int i = 0; i < 16; ++i) sum += s[y][i] * t[i][x];
      __syncthreads();
    }
    c[row * n + col] = sum;
  }
  """

  def run(seconds) do
    device = AMDGPU.open!(:host)
    kernel = fn name, core -> Kernel.compile!(device, @source, name, core: core) end

    kernels = %{
      saxpy: kernel.("saxpy", :aura),
      stencil: kernel.("stencil", :aura),
      show: kernel.("show<script>", :aura),
      matmul: kernel.("matmul", :matrix),
      spikes: kernel.("spikes", :neuromorphic)
    }

    for {name, work} <- [
          trainer: &train/3,
          vision: &look/3,
          "<b>sensors</b>": &sense/3,
          loader: &fetch/3
        ] do
      spawn_link(fn ->
        Process.register(self(), name)
        stream = Stream.new!(device)
        memory = memory(name, device)
        forever(0, fn step -> work.(step, {kernels, stream, device}, memory) end)
      end)
    end

    spawn_link(fn -> compile(device, 0) end)
    IO.puts("load runs")
    wait(seconds)
  end

  defp wait(nil) do
    if IO.gets("") == :eof, do: :ok, else: wait(nil)
  end

  defp wait(seconds), do: Process.sleep(seconds * 1000)

  defp memory(:trainer, device) do
    for _ <- 1..3, do: Buffer.zeros!(device, :f32, @side * @side)
  end

  defp memory(_, device), do: for(_ <- 1..2, do: Buffer.zeros!(device, :f32, @n))

  defp forever(step, work) do
    work.(step)
    forever(step + 1, work)
  end

  defp line(kernel, args, opts) do
    AMDGPU.launch!(kernel, [grid: div(@n + 255, 256), block: 256] ++ opts, args)
  end

  # A training step: a few products, then a pause as if data were awaited. Its size breathes.
  defp train(step, {k, stream, _}, [a, b, c]) do
    products = 2 + round(2 * (1 + :math.sin(step / 25)))

    jobs =
      for i <- 1..products do
        AMDGPU.launch!(
          k.matmul,
          [
            grid: {div(@side, 16), div(@side, 16)},
            block: {16, 16},
            stream: stream,
            label: "layer #{i}",
            bytes: 3 * 4 * @side * @side,
            flops: 2 * @side * @side * @side
          ],
          [a, b, c, @side]
        )
      end

    AMDGPU.await!(List.last(jobs))
    Process.sleep(30)
  end

  defp look(_step, {k, stream, _}, [x, y]) do
    for {kernel, args} <- [{k.saxpy, [@n, 0.5, x, y]}, {k.stencil, [@n, x, y]}] do
      line(kernel, args, stream: stream, bytes: 12 * @n, flops: 2 * @n)
    end
    |> List.last()
    |> AMDGPU.await!()

    Process.sleep(22)
  end

  defp sense(step, {k, stream, _}, [v, w]) do
    line(k.spikes, [@n, v, 0.9], stream: stream, bytes: 8 * @n, label: "<script>alert(1)</script>")

    job = line(k.show, [w, @n], stream: stream, bytes: 8 * @n)
    AMDGPU.await!(job)
    Process.sleep(if rem(div(step, 40), 2) == 0, do: 35, else: 90)
  end

  # Buffers that come, are filled, copied back, and go.
  defp fetch(step, {_, _, device}, [_, y]) do
    held =
      for i <- 0..(2 + rem(step, 7)) do
        bytes = 65_536 * (1 + rem(step * 7 + i * 3, 12))
        Buffer.from_binary!(device, :u8, :binary.copy(<<i>>, bytes))
      end

    _ = Buffer.to_binary!(y)
    Process.sleep(160)
    Enum.each(held, &Buffer.free/1)
  end

  defp compile(device, n) do
    Process.sleep(4_000)

    source =
      if rem(n, 3) == 2,
        do: "extern \"C\" __global__ void wrong#{n}(int* x) { x[threadIdx.x] = missing; }",
        else: "extern \"C\" __global__ void fresh#{n}(int* x) { x[threadIdx.x] += #{n}; }"

    name = if rem(n, 3) == 2, do: "wrong#{n}", else: "fresh#{n}"
    _ = Kernel.compile(device, source, name)
    compile(device, n + 1)
  end
end

case System.argv() do
  [] -> Load.run(nil)
  [seconds] -> Load.run(String.to_integer(seconds))
end
