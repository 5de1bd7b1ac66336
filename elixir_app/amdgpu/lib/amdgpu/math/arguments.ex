defmodule AMDGPU.Math.Arguments do
  @moduledoc false
  # Checks what `AMDGPU.Math` and `AMDGPU.Blas` are given, and knows the types of the kernels.

  alias AMDGPU.{Buffer, Error, Options}

  @floats [:f16, :bf16, :f32, :f64]
  @signed [:i8, :i16, :i32, :i64]
  @unsigned [:u8, :u16, :u32, :u64]
  @numbers @floats ++ @signed ++ @unsigned

  @names %{
    f16: "half_t",
    bf16: "bf16_t",
    f32: "float",
    f64: "double",
    i8: "signed char",
    i16: "short",
    i32: "int",
    i64: "long long",
    u8: "unsigned char",
    u16: "unsigned short",
    u32: "unsigned",
    u64: "unsigned long long",
    bool: "bool"
  }

  def floats, do: @floats
  def numbers, do: @numbers

  @doc "The type's name in the kernels' source."
  def type_name(dtype), do: Map.fetch!(@names, dtype)

  @doc "What elements of a type are added up in, in a kernel."
  def sum_type(dtype) when dtype in [:f16, :bf16], do: :f32
  def sum_type(dtype) when dtype in @signed, do: :i64
  def sum_type(dtype) when dtype in @unsigned, do: :u64
  def sum_type(dtype), do: dtype

  @doc "What elements of a type are computed with, in a kernel."
  def compute_type(dtype) when dtype in [:f16, :bf16], do: :f32
  def compute_type(dtype), do: dtype

  @doc "The type of a sum: integers in 64 bits, floats as they are."
  def result_type(dtype) when dtype in @floats, do: dtype
  def result_type(dtype), do: sum_type(dtype)

  @doc "The options that every function has, checked together with its own."
  def options(options, own \\ []) do
    Options.validate(
      options,
      own ++
        [
          out: {nil, &(is_nil(&1) or is_struct(&1, Buffer)), "an AMDGPU.Buffer"},
          stream: {nil, &Options.stream?/1, "an AMDGPU.Stream"},
          await: {true, &is_boolean/1, "true or false"},
          timeout: {:infinity, &Options.timeout?/1, "milliseconds or :infinity"}
        ]
    )
  end

  @doc "The options of functions that write where they read: no `out:`."
  def in_place, do: [out: {nil, &is_nil/1, "none: this is done in place"}]

  @doc "Whether `value` is a buffer of one of the types."
  def buffer(%Buffer{dtype: dtype} = buffer, name, dtypes) do
    if dtype in dtypes do
      {:ok, buffer}
    else
      list = Enum.map_join(dtypes, ", ", &inspect/1)

      {:error,
       Error.invalid("#{name}: expected a buffer of one of #{list}, got one of #{inspect(dtype)}")}
    end
  end

  def buffer(other, name, _dtypes),
    do: {:error, Error.invalid("#{name}: expected a buffer, got #{inspect(other, limit: 5)}")}

  @doc "Whether `other` is a buffer on the same device and of the same type as `buffer`."
  def alike(%Buffer{} = other, buffer, name) do
    cond do
      other.device.pid != buffer.device.pid ->
        {:error, Error.invalid("#{name}: it is on another device")}

      other.dtype != buffer.dtype ->
        {:error,
         Error.invalid(
           "#{name}: expected a buffer of #{inspect(buffer.dtype)}, got one of #{inspect(other.dtype)}"
         )}

      true ->
        :ok
    end
  end

  def alike(other, _buffer, name),
    do: {:error, Error.invalid("#{name}: expected a buffer, got #{inspect(other, limit: 5)}")}

  @doc "Whether a buffer holds exactly as many elements as its shape says."
  def elements(%Buffer{elements: elements}, elements, _name), do: :ok

  def elements(%Buffer{elements: elements}, expected, name) do
    {:error, Error.invalid("#{name}: expected #{expected} elements, got a buffer of #{elements}")}
  end

  @doc "A shape: a tuple or a list of sizes, as a list."
  def shape(shape, name, dimensions \\ nil) do
    list = if is_tuple(shape), do: Tuple.to_list(shape), else: shape

    if is_list(list) and list != [] and Enum.all?(list, &Options.natural?/1) and
         (dimensions == nil or length(list) in List.wrap(dimensions)) do
      {:ok, list}
    else
      {:error, Error.invalid("#{name}: expected #{sizes(dimensions)}, got #{inspect(shape)}")}
    end
  end

  defp sizes(nil), do: "a tuple of sizes"
  defp sizes(count), do: "a tuple of #{count |> List.wrap() |> Enum.join(" or ")} sizes"

  @doc "The buffer for a result: the one given as `out:`, or a new one. `{buffer, whether it is new}`."
  def result(options, device, dtype, elements) do
    case options.out do
      nil ->
        stream = if options.stream, do: [stream: options.stream], else: []

        with {:ok, buffer} <- Buffer.new(device, dtype, elements, stream),
             do: {:ok, {buffer, true}}

      %Buffer{device: %{pid: pid}} when pid != device.pid ->
        {:error, Error.invalid("out: it is on another device")}

      %Buffer{dtype: other} when other != dtype ->
        {:error,
         Error.invalid(
           "out: expected a buffer of #{inspect(dtype)}, got one of #{inspect(other)}"
         )}

      buffer ->
        with :ok <- elements(buffer, elements, "out"), do: {:ok, {buffer, false}}
    end
  end
end
