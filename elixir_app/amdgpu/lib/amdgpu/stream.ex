defmodule AMDGPU.Stream do
  @moduledoc """
  A queue of a device. Work in one stream runs in the order it was given; streams run concurrently.
  Every device has a default stream, used when none is named.

  A stream that no process refers to any more is closed by garbage collection.
  """

  alias AMDGPU.{Bang, Device, Error, Job, Native, Patience, TimeoutError}

  @enforce_keys [:ref, :device]
  defstruct @enforce_keys

  @type t :: %__MODULE__{ref: reference(), device: Device.t()}

  @doc "A new stream of `device`."
  @spec new(Device.t()) :: {:ok, t()} | {:error, Error.any_error()}
  def new(%Device{ref: ref} = device) do
    case Patience.retry(ref, fn -> Native.stream_create(ref) end) do
      {:ok, stream} -> {:ok, %__MODULE__{ref: stream, device: device}}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "Like `new/1`, but raises."
  @spec new!(Device.t()) :: t()
  def new!(device), do: Bang.value!(new(device))

  @doc "Closes the stream; the work in it still runs. Closing it again does nothing."
  @spec close(t()) :: :ok | {:error, Error.any_error()}
  def close(%__MODULE__{ref: ref, device: device}) do
    case Patience.retry(device.ref, fn -> Native.stream_close(ref) end) do
      :ok -> :ok
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "Like `close/1`, but raises."
  @spec close!(t()) :: :ok
  def close!(stream), do: Bang.value!(close(stream))

  @doc """
  Makes later work of `stream` wait for what is in `other` now. `other` is nil for the default
  stream. Returns at once.
  """
  @spec wait(t(), t() | nil) :: :ok | {:error, Error.any_error()}
  def wait(%__MODULE__{ref: ref, device: device}, other) do
    case Patience.retry(device.ref, fn -> Native.stream_wait(ref, ref(other)) end) do
      :ok -> :ok
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc "Like `wait/2`, but raises."
  @spec wait!(t(), t() | nil) :: :ok
  def wait!(stream, other), do: Bang.value!(wait(stream, other))

  @doc "Waits until what is in the stream now has ended, at most `timeout` milliseconds."
  @spec synchronize(t(), timeout()) :: :ok | {:error, Error.any_error()}
  def synchronize(%__MODULE__{ref: ref, device: device}, timeout \\ :infinity),
    do: synchronize(device, ref, timeout)

  @doc "Like `synchronize/2`, but raises."
  @spec synchronize!(t(), timeout()) :: :ok
  def synchronize!(stream, timeout \\ :infinity), do: Bang.value!(synchronize(stream, timeout))

  @doc false
  def synchronize(%Device{ref: device}, stream, timeout) do
    with {:ok, job} <-
           Patience.retry(device, fn -> Native.device_synchronize(device, stream) end),
         {:ok, _, _, _, _} <- Job.wait(job, timeout) do
      :ok
    else
      :pending -> {:error, %TimeoutError{what: "synchronize", after_ms: timeout}}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  @doc false
  def ref(nil), do: nil
  def ref(%__MODULE__{ref: ref}), do: ref

  defimpl Inspect do
    def inspect(stream, _opts), do: "#AMDGPU.Stream<on #{AMDGPU.Device.label(stream.device)}>"
  end
end
