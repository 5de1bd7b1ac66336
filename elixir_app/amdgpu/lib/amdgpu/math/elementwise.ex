defmodule AMDGPU.Math.Elementwise do
  @moduledoc false
  # copy.hip, map.hip, saxpy.hip, neuromorphic.hip: a thread for each element.

  alias AMDGPU.{Buffer, Error}
  alias AMDGPU.Math.{Arguments, Launcher}

  # {float, integer} expressions in x and y; nil: not for that kind.
  @binary %{
    add: {"x + y", "x + y"},
    subtract: {"x - y", "x - y"},
    multiply: {"x * y", "x * y"},
    divide: {"x / y", "divide_integers(x, y)"},
    minimum: {"smaller(x, y)", "smaller(x, y)"},
    maximum: {"larger(x, y)", "larger(x, y)"},
    power: {"f_pow(x, y)", nil}
  }

  @unary %{
    negate: {"-x", "-x"},
    abs: {"f_fabs(x)", "x < 0 ? -x : x"},
    square: {"x * x", "x * x"},
    reciprocal: {"1 / x", nil},
    sqrt: {"f_sqrt(x)", nil},
    rsqrt: {"1 / f_sqrt(x)", nil},
    exp: {"f_exp(x)", nil},
    expm1: {"f_expm1(x)", nil},
    log: {"f_log(x)", nil},
    log1p: {"f_log1p(x)", nil},
    log2: {"f_log2(x)", nil},
    sin: {"f_sin(x)", nil},
    cos: {"f_cos(x)", nil},
    tanh: {"f_tanh(x)", nil},
    erf: {"f_erf(x)", nil},
    floor: {"f_floor(x)", nil},
    ceil: {"f_ceil(x)", nil},
    sigmoid: {"1 / (1 + f_exp(-x))", nil},
    relu: {"x < 0 ? 0 : x", "x < 0 ? 0 : x"},
    gelu: {"x / 2 * (1 + f_erf(x * (compute_t)0.70710678118654752))", nil}
  }

  @doc "The names that `map/3` knows."
  def operations, do: Enum.sort(Map.keys(@unary) ++ Map.keys(@binary))

  def map({x, y}, expression, options) do
    with {:ok, options} <- Arguments.options(options),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         {:ok, text} <- expression(expression, @binary, x.dtype) do
      binary(x, y, text, options)
    end
  end

  def map(x, expression, options) do
    with {:ok, options} <- Arguments.options(options),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         {:ok, text} <- expression(expression, @unary, x.dtype),
         {:ok, kernel, items} <- mapper(x, "map_unary", text),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      kernel |> Launcher.elementwise(items, x.elements, [x, out]) |> Launcher.run(options, result)
    end
  end

  defp binary(x, %Buffer{} = y, text, options) do
    with :ok <- Arguments.alike(y, x, "y"),
         :ok <- Arguments.elements(y, x.elements, "y"),
         {:ok, kernel, items} <- mapper(x, "map_binary", text),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      kernel
      |> Launcher.elementwise(items, x.elements, [x, y, out])
      |> Launcher.run(options, result)
    end
  end

  defp binary(x, y, text, options) do
    with :ok <- number(y, x.dtype, "y"),
         {:ok, kernel, items} <- mapper(x, "map_scalar", text),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      kernel
      |> Launcher.elementwise(items, x.elements, [x, y, out])
      |> Launcher.run(options, result)
    end
  end

  # One compile has all three kernels, but few expressions are used with more than one.
  defp mapper(x, name, text) do
    items = Launcher.items(x.device, x.dtype)
    defines = Launcher.element(x.dtype) ++ [EXPRESSION: text, ITEMS: items]

    with {:ok, kernel} <- Launcher.kernel(x.device, "map.hip", name, defines),
         do: {:ok, kernel, items}
  end

  def copy(x, options) do
    with {:ok, options} <- Arguments.options(options),
         {:ok, x} <- Arguments.buffer(x, "x", AMDGPU.DType.all()),
         items = Launcher.items(x.device, x.dtype),
         {:ok, kernel} <- copier(x, "copy", items),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      kernel |> Launcher.elementwise(items, x.elements, [x, out]) |> Launcher.run(options, result)
    end
  end

  def fill(x, value, options) do
    with {:ok, options} <- Arguments.options(options, Arguments.in_place()),
         {:ok, x} <- Arguments.buffer(x, "x", AMDGPU.DType.all()),
         :ok <- number(value, x.dtype, "value"),
         items = Launcher.items(x.device, x.dtype),
         {:ok, kernel} <- copier(x, "fill", items) do
      kernel
      |> Launcher.elementwise(items, x.elements, [x, value])
      |> Launcher.run(options, {x, false})
    end
  end

  defp copier(x, name, items) do
    defines = Launcher.element(x.dtype) ++ [ITEMS: items]
    Launcher.kernel(x.device, "copy.hip", name, defines, names: ["copy", "fill"])
  end

  def saxpy(a, x, y, options) do
    with {:ok, options} <- Arguments.options(options, Arguments.in_place()),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.numbers()),
         :ok <- number(a, x.dtype, "a"),
         :ok <- Arguments.alike(y, x, "y"),
         :ok <- Arguments.elements(y, x.elements, "y"),
         items = Launcher.items(x.device, x.dtype),
         defines = Launcher.element(x.dtype) ++ [ITEMS: items],
         {:ok, kernel} <- Launcher.kernel(x.device, "saxpy.hip", "saxpy", defines) do
      kernel
      |> Launcher.elementwise(items, x.elements, [a, x, y])
      |> Launcher.run(options, {y, false})
    end
  end

  def neuromorphic_activation(x, options) do
    own = [alpha: {1.0, &is_number/1, "a number"}, beta: {1.0, &is_number/1, "a number"}]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(x, "x", Arguments.floats()),
         {:ok, kernel, items} <- neuromorphic(x, "neuromorphic_activation"),
         {:ok, {out, _} = result} <- Arguments.result(options, x.device, x.dtype, x.elements) do
      arguments = [x, out, options.alpha, options.beta]

      kernel
      |> Launcher.elementwise(items, x.elements, arguments)
      |> Launcher.run(options, result)
    end
  end

  def adaptive_learning_rate(gradients, momentum, options) do
    own =
      Arguments.in_place() ++
        [
          learning_rate: {0.001, &is_number/1, "a number"},
          decay: {0.9, &is_number/1, "a number"}
        ]

    with {:ok, options} <- Arguments.options(options, own),
         {:ok, x} <- Arguments.buffer(gradients, "gradients", Arguments.floats()),
         :ok <- Arguments.alike(momentum, x, "momentum"),
         :ok <- Arguments.elements(momentum, x.elements, "momentum"),
         {:ok, kernel, items} <- neuromorphic(x, "adaptive_learning_rate"),
         {:ok, {rates, _}} <- Arguments.result(options, x.device, x.dtype, x.elements),
         {:ok, norms} <- Launcher.scratch(x.device, x.dtype, x.elements, options) do
      arguments = [x, momentum, rates, norms, options.learning_rate, options.decay]
      result = %{momentum: momentum, learning_rates: rates, gradient_norms: norms}

      kernel
      |> Launcher.elementwise(items, x.elements, arguments)
      |> Launcher.run(options, {result, false})
    end
  end

  defp neuromorphic(x, name) do
    items = Launcher.items(x.device, x.dtype)
    defines = Launcher.element(x.dtype) ++ [ITEMS: items]
    names = ["neuromorphic_activation", "adaptive_learning_rate"]
    options = [core: :neuromorphic, names: names]

    with {:ok, kernel} <- Launcher.kernel(x.device, "neuromorphic.hip", name, defines, options),
         do: {:ok, kernel, items}
  end

  defp expression(text, _table, _dtype) when is_binary(text), do: {:ok, "(#{text})"}

  defp expression(name, table, dtype) do
    case Map.get(table, name) do
      {float, integer} ->
        case if(dtype in Arguments.floats(), do: float, else: integer) do
          nil ->
            {:error, Error.invalid("#{inspect(name)} is for floats, not for #{inspect(dtype)}")}

          text ->
            {:ok, text}
        end

      nil ->
        known = table |> Map.keys() |> Enum.sort() |> Enum.map_join(", ", &inspect/1)

        {:error,
         Error.invalid(
           "unknown operation #{inspect(name)}; there are #{known}, and expressions as strings"
         )}
    end
  end

  # Whether a number can be one of the type; 16-bit floats are computed with as f32.
  defp number(value, dtype, name) do
    case AMDGPU.DType.encode(Arguments.compute_type(dtype), value) do
      {:ok, _} ->
        :ok

      :error ->
        {:error, Error.invalid("#{name}: #{inspect(value)} is not a number of #{inspect(dtype)}")}
    end
  end
end
