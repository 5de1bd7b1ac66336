defmodule Demo.Load.Jobs do
  @moduledoc false
  # What the demo's load does: each takes the device and what it returned the time before.

  alias AMDGPU.{Buffer, Kernel, Math, Stream}

  @width 320
  @height 200
  @matrix 192
  @neurons 65_536
  @samples 262_144

  @mandelbrot File.read!(Path.expand("../../../kernels/mandelbrot.hip", __DIR__))
  @external_resource Path.expand("../../../kernels/mandelbrot.hip", __DIR__)

  @blend """
  extern "C" __global__ void blend(int n, float weight, const unsigned char* now, float* trail) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) trail[i] = weight * trail[i] + (1.0f - weight) * now[i];
  }
  """

  def images(device, nil) do
    pixels = @width * @height

    images(device, %{
      stream: Stream.new!(device),
      render: Kernel.compile!(device, @mandelbrot, "mandelbrot", defines: %{MAX_ITERATIONS: 256}),
      blend: Kernel.compile!(device, @blend, "blend"),
      rgb: Buffer.zeros!(device, :u8, pixels * 3),
      trail: Buffer.zeros!(device, :f32, pixels * 3),
      step: 0
    })
  end

  def images(_device, state) do
    zoom = :math.pow(0.97, rem(state.step, 200))
    step = 3.2 / @width * zoom
    x0 = -0.7436 - step * @width / 2
    y0 = 0.1318 - step * @height / 2
    count = @width * @height * 3

    AMDGPU.launch!(
      state.render,
      [
        grid: {div(@width + 15, 16), div(@height + 15, 16)},
        block: {16, 16},
        stream: state.stream,
        label: "zoom"
      ],
      [state.rgb, @width, @height, x0, y0, step]
    )

    job =
      AMDGPU.launch!(
        state.blend,
        [grid: div(count + 255, 256), block: 256, stream: state.stream, bytes: count * 9],
        [count, 0.8, state.rgb, state.trail]
      )

    AMDGPU.await!(job)
    _picture = Buffer.to_binary!(state.rgb)
    %{state | step: state.step + 1}
  end

  def matmul(device, nil) do
    random = for _ <- 1..(@matrix * @matrix), into: <<>>, do: <<:rand.normal()::float-32-little>>

    matmul(device, %{
      stream: Stream.new!(device),
      a: Buffer.from_binary!(device, :f32, random),
      b: Buffer.from_binary!(device, :f32, random)
    })
  end

  def matmul(_device, state) do
    c = Math.matmul!(state.a, state.b, {@matrix, @matrix, @matrix}, stream: state.stream)
    Buffer.free!(Math.softmax!(c, {@matrix, @matrix}, stream: state.stream))
    Buffer.free!(c)
    Stream.synchronize!(state.stream)
    state
  end

  def neurons(device, nil),
    do: neurons(device, %{stream: Stream.new!(device), x: Buffer.zeros!(device, :f32, @neurons)})

  def neurons(_device, state) do
    y = Math.neuromorphic_activation!(state.x, stream: state.stream)
    z = Math.add!(y, 0.01, stream: state.stream)
    Buffer.free!(y)
    Stream.synchronize!(state.stream)
    Buffer.free!(state.x)
    %{state | x: z}
  end

  def statistics(device, nil) do
    levels = :rand.bytes(@samples)

    statistics(device, %{
      stream: Stream.new!(device),
      levels: Buffer.from_binary!(device, :u8, levels),
      samples:
        Buffer.from_binary!(
          device,
          :f32,
          for(<<v <- levels>>, into: <<>>, do: <<v::float-32-little>>)
        )
    })
  end

  def statistics(_device, state) do
    options = [stream: state.stream]

    results = [
      Math.histogram!(state.levels, options),
      Math.sum!(state.samples, options),
      Math.scan!(state.samples, options)
    ]

    Stream.synchronize!(state.stream)
    Enum.each(results, &Buffer.free!/1)
    state
  end

  # Blocks of many sizes that come and go, some of them after a while: a map of the memory with holes.
  def batches(device, nil), do: batches(device, [])

  def batches(device, held) do
    {kept, old} = Enum.split(Enum.shuffle(held), 24)
    Enum.each(old, &Buffer.free!/1)
    sizes = for _ <- 1..4, do: 1024 * :rand.uniform(2048)
    Enum.map(sizes, &Buffer.new!(device, :u8, &1)) ++ kept
  end

  # New code now and then, and some that does not compile.
  def compiles(device, state) do
    count = (state || 0) + 1
    body = if rem(count, 4) == 0, do: "x[i] = undeclared;", else: "x[i] += #{count};"

    source =
      "extern \"C\" __global__ void generated_#{rem(count, 8)}(int* x) { int i = threadIdx.x; #{body} }"

    case Kernel.compile(device, source, "generated_#{rem(count, 8)}") do
      {:ok, kernel} ->
        buffer = Buffer.zeros!(device, :i32, 256)
        AMDGPU.run!(kernel, [grid: 1, block: 256], [buffer])
        Buffer.free!(buffer)

      {:error, %AMDGPU.CompileError{}} ->
        :ok
    end

    count
  end
end
