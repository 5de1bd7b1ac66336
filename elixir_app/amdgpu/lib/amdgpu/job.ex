defmodule AMDGPU.Job do
  @moduledoc """
  Something under way on a device: a launch or a compile. Awaited with `AMDGPU.await/2`, by any
  process and any number of times.
  """

  alias AMDGPU.Native

  @enforce_keys [:ref, :kind]
  defstruct [:ref, :kind, :finish]

  @type t :: %__MODULE__{ref: reference(), kind: :launch | :compile, finish: term()}

  # How long a normal scheduler looks for a completion before the process goes to sleep. A hot empty
  # kernel is done by then; what takes longer does not notice the time.
  @spin_ns 8_000

  @type result ::
          {:ok, non_neg_integer(), non_neg_integer(), non_neg_integer(), boolean()}
          | {:error, {atom(), String.t(), term()}}
          | :pending

  @doc false
  # Waits for the native job: at most `timeout` milliseconds, then `:pending`. Leaves no message.
  @spec wait(reference(), timeout(), non_neg_integer()) :: result()
  def wait(ref, timeout, spin_ns \\ @spin_ns)

  def wait(ref, 0, _spin_ns), do: Native.job_poll(ref, 0)

  def wait(ref, timeout, spin_ns) do
    case Native.job_poll(ref, spin_ns) do
      :pending -> sleep(ref, timeout)
      result -> result
    end
  end

  defp sleep(ref, timeout) do
    tag = make_ref()

    case Native.job_subscribe(ref, tag) do
      0 ->
        Native.job_poll(ref, 0)

      subscription ->
        receive do
          {^tag, :done} -> Native.job_poll(ref, 0)
        after
          timeout -> give_up(ref, subscription, tag)
        end
    end
  end

  defp give_up(ref, subscription, tag) do
    if Native.job_unsubscribe(ref, subscription) do
      :pending
    else
      # It ended just now: the message is here or on its way.
      receive do
        {^tag, :done} -> Native.job_poll(ref, 0)
      end
    end
  end

  defimpl Inspect do
    import Inspect.Algebra

    def inspect(%{ref: ref, kind: kind}, _opts) do
      state =
        case AMDGPU.Native.job_poll(ref, 0) do
          :pending -> "pending"
          {:error, _} -> "failed"
          _ -> "done"
        end

      concat(["#AMDGPU.Job<", Atom.to_string(kind), " ", state, ">"])
    end
  end
end
