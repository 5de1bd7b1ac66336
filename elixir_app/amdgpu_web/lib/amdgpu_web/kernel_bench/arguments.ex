defmodule AMDGPUWeb.KernelBench.Arguments do
  @moduledoc false
  # A kernel's arguments, from what is written in a form: text in, buffers and numbers out.

  alias AMDGPU.{Buffer, DType}

  @fills ~w(zeros ones ramp random)
  @floats [:f16, :bf16, :f32, :f64]

  def fills, do: @fills

  @doc "What the form begins with, for the signature of a kernel."
  def defaults(params, elements) do
    Map.new(params, fn param ->
      value =
        case param do
          %{kind: :pointer} -> %{"elements" => to_string(elements), "fill" => "ramp"}
          %{kind: :scalar, dtype: dtype} when dtype in @floats -> %{"value" => "1.5"}
          %{kind: :scalar} -> %{"value" => to_string(elements)}
          _ -> %{}
        end

      {param.name, value}
    end)
  end

  @doc """
  `{:ok, arguments, buffers}`: what `AMDGPU.launch/3` takes, and the buffers with their parameters. The
  caller frees them.
  """
  def make(device, params, form, most_bytes) do
    params
    |> Enum.reduce_while({:ok, [], [], most_bytes}, fn param, {:ok, done, buffers, left} ->
      case argument(device, param, Map.get(form, param.name, %{}), left) do
        {:ok, %Buffer{} = buffer} ->
          {:cont, {:ok, [buffer | done], [{param, buffer} | buffers], left - buffer.bytes}}

        {:ok, value} ->
          {:cont, {:ok, [value | done], buffers, left}}

        {:error, why} ->
          for {_, buffer} <- buffers, do: Buffer.free(buffer)
          {:halt, {:error, "#{param.name}: #{why}"}}
      end
    end)
    |> case do
      {:ok, done, buffers, _left} -> {:ok, Enum.reverse(done), Enum.reverse(buffers)}
      error -> error
    end
  end

  defp argument(device, %{kind: :pointer} = param, form, left) do
    # What a pointer points to may be a type of the source's own: bytes then.
    dtype = param.dtype || :u8

    with {:ok, elements} <- number(form["elements"], "elements", 1, 1_000_000_000),
         bytes = elements * size(dtype),
         true <- bytes <= left || {:error, "the buffers are larger than what is allowed"},
         {:ok, buffer} <- error_text(fill(device, dtype, elements, form["fill"])) do
      {:ok, buffer}
    end
  end

  defp argument(_device, %{kind: :scalar, dtype: dtype}, form, _left) when dtype in @floats do
    case Float.parse(form["value"] || "") do
      {value, ""} -> {:ok, value}
      _ -> {:error, "expected a number"}
    end
  end

  defp argument(_device, %{kind: :scalar, dtype: :bool}, form, _left),
    do: {:ok, form["value"] in ["1", "true"]}

  defp argument(_device, %{kind: :scalar}, form, _left),
    do: number(form["value"], "value", -0x8000000000000000, 0xFFFFFFFFFFFFFFFF)

  defp argument(_device, %{kind: :aggregate, size: size}, _form, _left),
    do: {:ok, <<0::size(size)-unit(8)>>}

  defp argument(_device, _param, _form, _left),
    do: {:error, "parameters of this kind cannot be given here"}

  defp number(text, what, least, most) do
    case Integer.parse(text || "") do
      {value, ""} when value >= least and value <= most -> {:ok, value}
      _ -> {:error, "#{what}: expected a whole number from #{least} to #{most}"}
    end
  end

  defp fill(device, dtype, elements, "zeros"), do: Buffer.zeros(device, dtype, elements)

  defp fill(device, dtype, elements, "ones") do
    with {:ok, buffer} <- Buffer.new(device, dtype, elements),
         {:ok, _} <- filled(buffer, Buffer.fill(buffer, one(dtype))),
         do: {:ok, buffer}
  end

  # Written by a period of values, so that a large one is quick to make.
  defp fill(device, dtype, elements, fill) when fill in ["ramp", "random"] do
    period = min(elements, 4096)

    values =
      for i <- 0..(period - 1), into: <<>> do
        {:ok, element} =
          DType.encode(
            dtype,
            value(dtype, if(fill == "ramp", do: i / period, else: :rand.uniform()))
          )

        element
      end

    whole = :binary.copy(values, div(elements, period))
    rest = binary_part(values, 0, rem(elements, period) * size(dtype))
    Buffer.from_binary(device, dtype, whole <> rest)
  end

  defp fill(_device, _dtype, _elements, _other), do: {:error, "unknown fill"}

  defp filled(buffer, :ok), do: {:ok, buffer}
  defp filled(buffer, {:ok, _}), do: {:ok, buffer}
  defp filled(_buffer, error), do: error

  defp one(dtype) when dtype in @floats, do: 1.0
  defp one(:bool), do: true
  defp one(_dtype), do: 1

  # Of a number from 0 to 1.
  defp value(dtype, x) when dtype in @floats, do: x
  defp value(:bool, x), do: x >= 0.5
  defp value(_dtype, x), do: trunc(x * 100)

  defp size(dtype) do
    {:ok, size} = DType.size(dtype)
    size
  end

  defp error_text({:ok, buffer}), do: {:ok, buffer}

  defp error_text({:error, %{__exception__: true} = error}),
    do: {:error, Exception.message(error)}

  defp error_text({:error, text}), do: {:error, text}
end
