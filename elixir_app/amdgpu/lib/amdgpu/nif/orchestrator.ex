defmodule AMDGPU.NIF.Orchestrator do
  @moduledoc """
  One entry for every kind of work: `dispatch_kernel/3` calls the function of this library that does it.

  | kind | operations | which are |
  |---|---|---|
  | `:compute` | `:compile`, `:launch`, `:run`, `:await` | `AMDGPU.Kernel.compile/4` and the functions of `AMDGPU` |
  | `:memory` | `:new`, `:zeros`, `:from_binary`, `:to_binary`, `:write`, `:copy`, `:fill`, `:free`, ... | the functions of `AMDGPU.Buffer` |
  | `:math` | `:add`, `:sum`, `:matmul`, `:gemm`, ... | the functions of `AMDGPU.Math`, and `AMDGPU.Blas.gemm/5` |
  | `:dsl` | none yet | |
  """

  alias AMDGPU.{Blas, Buffer, Error, Kernel, Math}

  @compute %{compile: Kernel, compile_async: Kernel, launch: AMDGPU, run: AMDGPU, await: AMDGPU}
  @memory ~w(new zeros from_binary to_binary read write copy fill free give_away)a
  @kinds [:compute, :memory, :dsl, :math]

  @doc """
  Calls `operation` of a kind with a list of arguments, and returns what it returns.

      iex> device = AMDGPU.open!(:host)
      iex> {:ok, x} = AMDGPU.NIF.Orchestrator.dispatch_kernel(:memory, :zeros, [device, :f32, 2])
      iex> {:ok, y} = AMDGPU.NIF.Orchestrator.dispatch_kernel(:math, :add, [x, 1.5])
      iex> AMDGPU.NIF.Orchestrator.dispatch_kernel(:memory, :to_binary, [y])
      {:ok, <<1.5::float-32-little, 1.5::float-32-little>>}
      iex> AMDGPU.close(device)
      :ok

  What there is not is an `AMDGPU.Error` that says what there is.
  """
  @spec dispatch_kernel(:compute | :memory | :dsl | :math, atom(), [term()]) ::
          :ok | {:ok, term()} | {:error, Error.any_error()}
  def dispatch_kernel(kind, operation, arguments)

  def dispatch_kernel(kind, operation, arguments)
      when kind in [:compute, :memory, :math] and is_atom(operation) and is_list(arguments) do
    functions = functions(kind)

    case Enum.filter(functions, &match?({_module, ^operation, _arity}, &1)) do
      [] ->
        known =
          functions |> Enum.map(&elem(&1, 1)) |> Enum.uniq() |> Enum.map_join(", ", &inspect/1)

        invalid(
          "there is no #{inspect(kind)} operation #{inspect(operation)}; there are #{known}"
        )

      [{module, _, _} | _] = found ->
        if Enum.any?(found, fn {_, _, arity} -> arity == length(arguments) end) do
          apply(module, operation, arguments)
        else
          arities = found |> Enum.map(&elem(&1, 2)) |> Enum.sort() |> Enum.join(" or ")

          invalid(
            "#{inspect(module)}.#{operation} takes #{arities} arguments, got #{length(arguments)}"
          )
        end
    end
  end

  def dispatch_kernel(:dsl, _operation, _arguments),
    do:
      {:error,
       %Error{code: :unimplemented, message: "there are no kernels written in Elixir yet"}}

  def dispatch_kernel(kind, _operation, _arguments) when kind not in @kinds do
    kinds = Enum.map_join(@kinds, ", ", &inspect/1)
    invalid("there is no kind of work #{inspect(kind)}; there are #{kinds}")
  end

  def dispatch_kernel(_kind, operation, arguments) do
    invalid(
      "expected the name of an operation and a list of arguments, " <>
        "got #{inspect(operation)} and #{inspect(arguments, limit: 5)}"
    )
  end

  defp functions(:compute),
    do: for({name, module} <- @compute, do: exported(module, [name])) |> Enum.concat()

  defp functions(:memory), do: exported(Buffer, @memory)

  defp functions(:math) do
    names = for {name, _} <- Math.__info__(:functions), name not in [:operations], do: name
    exported(Blas, [:gemm]) ++ exported(Math, Enum.reject(names, &bang?/1))
  end

  defp exported(module, names),
    do:
      for({name, arity} <- module.__info__(:functions), name in names, do: {module, name, arity})

  defp bang?(name), do: name |> Atom.to_string() |> String.ends_with?("!")

  defp invalid(message), do: {:error, Error.invalid(message)}
end
