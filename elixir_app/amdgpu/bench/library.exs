# The kernels that ship with the runtime, as a program calls them: `mix run bench/library.exs [--reference FILE] [--only TEXT]`.
#
# Each row is the median of several calls, launch to awaited result, results into buffers that are there. GB/s count
# what has to be read and written once. FILE has lines "name milliseconds": the same jobs without the runtime.
alias AMDGPU.{Blas, Buffer, Math}

{options, [], []} =
  OptionParser.parse(System.argv(), strict: [reference: :string, device: :string, only: :string])

reference =
  if options[:reference] do
    for line <- options[:reference] |> File.read!() |> String.split("\n", trim: true),
        into: %{} do
      {name, ms} = line |> String.split() |> List.pop_at(-1)
      {Enum.join(ms, " "), String.to_float(name)}
    end
  else
    %{}
  end

device =
  AMDGPU.open!(if(options[:device], do: String.to_existing_atom(options[:device]), else: :best))

n = 16_777_216
side = 4096
m = 1024
bytes = 67_108_864

noise = :crypto.strong_rand_bytes(bytes)
u8 = Buffer.from_binary!(device, :u8, noise)
# Integers of 24 bits are numbers, which random bits are not.
small = Buffer.from_binary!(device, :u32, noise)

source = ~S"""
extern "C" __global__ void to_float(const unsigned* in, float* out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = (in[i] >> 8) * (2.0f / 16777216.0f) - 1.0f;
}
"""

x = Buffer.new!(device, :f32, n)
kernel = AMDGPU.Kernel.compile!(device, source, "to_float")
AMDGPU.run!(kernel, [grid: div(n, 256), block: 256], [small, x, n])
Buffer.free!(small)
y = Math.copy!(x)
z = Buffer.new!(device, :f32, n)
f64 = for _ <- 1..3, do: Buffer.zeros!(device, :f64, m * m)
f16 = for _ <- 1..3, do: Buffer.zeros!(device, :f16, m * m)
bf16 = for _ <- 1..3, do: Buffer.zeros!(device, :bf16, m * m)
[a, b, c] = for _ <- 1..3, do: Math.fill!(Buffer.new!(device, :f32, m * m), 0.5)
filter = Math.fill!(Buffer.new!(device, :f32, 32 * 32 * 9), 0.1)
images = Math.fill!(Buffer.new!(device, :f32, 8 * 32 * 128 * 128), 0.5)
convolved = Buffer.new!(device, :f32, 8 * 32 * 128 * 128)
convolution = [input: {8, 32, 128, 128}, filter: {32, 32, 3, 3}, padding: 1, out: convolved]
matrix = [shape: {side, side}]

gemm = fn [a, b, c] -> fn -> Blas.gemm!(a, b, c, {m, m, m}) end end
gb = 4.0e-9 * n
gflop = 2.0e-9 * m * m * m

rows = [
  {"copy", {:gb, 2 * gb}, fn -> Math.copy!(x, out: z) end, "memcpy"},
  {"fill", {:gb, gb}, fn -> Math.fill!(z, 1.0) end, nil},
  {"add", {:gb, 3 * gb}, fn -> Math.add!(x, y, out: z) end, "add"},
  {"map: tanh", {:gb, 2 * gb}, fn -> Math.map!(x, :tanh, out: z) end, nil},
  {"saxpy", {:gb, 3 * gb}, fn -> Math.saxpy!(0.5, x, z) end, "saxpy"},
  {"sum", {:gb, gb}, fn -> Math.sum!(x) end, "sum"},
  {"max", {:gb, gb}, fn -> Math.max!(x) end, nil},
  {"argmax", {:gb, gb}, fn -> Math.argmax!(x) end, nil},
  {"sum of rows", {:gb, gb}, fn -> Math.sum!(x, [axis: 1] ++ matrix) end, nil},
  {"sum of columns", {:gb, gb}, fn -> Math.sum!(x, [axis: 0] ++ matrix) end, nil},
  {"scan", {:gb, 2 * gb}, fn -> Math.scan!(x, out: z) end, nil},
  {"transpose", {:gb, 2 * gb}, fn -> Math.transpose!(x, {side, side}, out: z) end, nil},
  {"softmax", {:gb, 2 * gb}, fn -> Math.softmax!(x, {side, side}, out: z) end, nil},
  {"histogram", {:gb, bytes * 1.0e-9}, fn -> Math.histogram!(u8) end, "histogram"},
  {"neuromorphic_activation", {:gb, 2 * gb}, fn -> Math.neuromorphic_activation!(x, out: z) end,
   nil},
  {"adaptive_learning_rate", {:gb, 5 * gb}, fn -> Math.adaptive_learning_rate!(x, y) end, nil},
  {"matmul f32", {:gflop, gflop}, gemm.([a, b, c]), "matmul f32"},
  {"matmul f64", {:gflop, gflop}, gemm.(f64), nil},
  {"matmul f16", {:gflop, gflop}, gemm.(f16), nil},
  {"matmul bf16", {:gflop, gflop}, gemm.(bf16), nil},
  {"conv2d 3x3", {:gflop, 2.0e-9 * 8 * 32 * 128 * 128 * 32 * 9},
   fn -> Math.conv2d!(images, filter, convolution) end, nil}
]

IO.puts("#{device.properties.name}")
IO.puts(String.pad_trailing("", 26) <> "      ms         rate   reference  x reference")

for {name, {unit, amount}, job, beside} <- rows, name =~ (options[:only] || "") do
  job.()

  times =
    for _ <- 1..9 do
      start = System.monotonic_time(:nanosecond)
      job.()
      (System.monotonic_time(:nanosecond) - start) / 1.0e6
    end

  ms = times |> Enum.sort() |> Enum.at(4)
  unit = if unit == :gb, do: "GB/s", else: "GFLOP/s"
  rate = :io_lib.format("~10.1f ~-7s", [amount / ms * 1.0e3, unit])

  compared =
    case reference[beside] do
      nil -> ""
      other -> :io_lib.format("~9.2f ms ~8.2f", [other, other / ms])
    end

  IO.puts([String.pad_trailing(name, 24), :io_lib.format("~10.3f ", [ms]), rate, compared])
end

AMDGPU.close(device)
