defmodule AMDGPU.Buffer do
  @moduledoc """
  Memory on a device: a number of elements of one type (`AMDGPU.DType`).

  A buffer belongs to the process that made it and is freed when that process ends, when the last
  reference to it is garbage-collected, or by `free/1`, whichever comes first; work that was queued
  with it still runs. `give_away/2` hands it to another process.

  Offsets and counts are elements, not bytes. Contents are little-endian, as on the device.

  What reads or writes a buffer is ordered behind the work that was queued with it before.
  """

  alias AMDGPU.{Bang, Device, DType, Error, Job, Native, Options, OutOfMemoryError}
  alias AMDGPU.{Patience, Stream}

  @enforce_keys [:ref, :device, :dtype, :elements, :bytes]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          ref: reference(),
          device: Device.t(),
          dtype: DType.t(),
          elements: non_neg_integer(),
          bytes: non_neg_integer()
        }

  # Most that one queued write carries.
  @staged_bytes 1_048_576
  # Longest wait for the garbage collections that an allocation asks other processes for.
  @collection_ms 1_000
  # Pauses before the attempts after that.
  @collected_ms [0, 2, 20]
  @max_elements 0xFFFFFFFFFFFFFFFF

  @stream_option {nil, &Options.stream?/1, "an AMDGPU.Stream"}

  @doc """
  A buffer of `elements` elements. Its contents are whatever the memory held before: see `zeros/4`.

  Options: `stream:`, the stream it will be used in first (the default stream otherwise).
  """
  @spec new(Device.t(), DType.t(), non_neg_integer(), stream: Stream.t()) ::
          {:ok, t()} | {:error, Error.any_error()}
  def new(%Device{} = device, dtype, elements, options \\ []) do
    with {:ok, size} <- element_size(dtype),
         :ok <- check_elements(elements),
         {:ok, options} <- Options.validate(options, stream: @stream_option),
         {:ok, ref} <- allocate(device.ref, dtype, elements, Stream.ref(options.stream)) do
      {:ok,
       %__MODULE__{
         ref: ref,
         device: device,
         dtype: dtype,
         elements: elements,
         bytes: elements * size
       }}
    end
  end

  @doc "Like `new/4`, but raises."
  @spec new!(Device.t(), DType.t(), non_neg_integer(), stream: Stream.t()) :: t()
  def new!(device, dtype, elements, options \\ []),
    do: Bang.value!(new(device, dtype, elements, options))

  @doc "A buffer of zeros. Options as for `new/4`."
  @spec zeros(Device.t(), DType.t(), non_neg_integer(), stream: Stream.t()) ::
          {:ok, t()} | {:error, Error.any_error()}
  def zeros(%Device{} = device, dtype, elements, options \\ []) do
    with {:ok, buffer} <- new(device, dtype, elements, options),
         :ok <- fill(buffer, 0, options) do
      {:ok, buffer}
    end
  end

  @doc "Like `zeros/4`, but raises."
  @spec zeros!(Device.t(), DType.t(), non_neg_integer(), stream: Stream.t()) :: t()
  def zeros!(device, dtype, elements, options \\ []),
    do: Bang.value!(zeros(device, dtype, elements, options))

  @doc """
  A buffer with the contents of `binary`: as many elements of `dtype` as it holds.

  More than 64 KiB are copied on a dirty scheduler; to a GPU, by a thread of the device.
  """
  @spec from_binary(Device.t(), DType.t(), binary(), stream: Stream.t()) ::
          {:ok, t()} | {:error, Error.any_error()}
  def from_binary(%Device{} = device, dtype, binary, options \\ []) when is_binary(binary) do
    with {:ok, size} <- element_size(dtype),
         :ok <- check_whole(binary, size, dtype),
         {:ok, buffer} <- new(device, dtype, div(byte_size(binary), size), options),
         :ok <- write_now(buffer, 0, binary) do
      {:ok, buffer}
    end
  end

  @doc "Like `from_binary/4`, but raises."
  @spec from_binary!(Device.t(), DType.t(), binary(), stream: Stream.t()) :: t()
  def from_binary!(device, dtype, binary, options \\ []),
    do: Bang.value!(from_binary(device, dtype, binary, options))

  @doc """
  The whole contents as a binary, when the work queued with the buffer has ended.

  From 64 KiB up nothing is copied: the binary looks at the device's memory itself. It never changes:
  a launch or a write that would change it works on fresh memory instead. Keeping such a binary keeps
  that memory; `:binary.copy/1` lets go of it. From a GPU it is a copy.
  """
  @spec to_binary(t()) :: {:ok, binary()} | {:error, Error.any_error()}
  def to_binary(%__MODULE__{bytes: bytes} = buffer), do: read_bytes(buffer, 0, bytes)

  @doc "Like `to_binary/1`, but raises."
  @spec to_binary!(t()) :: binary()
  def to_binary!(buffer), do: Bang.value!(to_binary(buffer))

  @doc "`count` elements from `offset` on, as `to_binary/1` gives them."
  @spec read(t(), non_neg_integer(), non_neg_integer()) ::
          {:ok, binary()} | {:error, Error.any_error()}
  def read(%__MODULE__{} = buffer, offset, count) do
    with :ok <- check_range(buffer, offset, count, "read") do
      size = size(buffer)
      read_bytes(buffer, offset * size, count * size)
    end
  end

  @doc "Like `read/3`, but raises."
  @spec read!(t(), non_neg_integer(), non_neg_integer()) :: binary()
  def read!(buffer, offset, count), do: Bang.value!(read(buffer, offset, count))

  @doc """
  Writes `binary` into the buffer.

  Options:

    * `offset:` - the first element to write; 0 by default
    * `stream:` - queue the write in this stream and return at once. Without it the write waits for
      the work queued with the buffer, and is done when it returns
  """
  @spec write(t(), binary(), offset: non_neg_integer(), stream: Stream.t()) ::
          :ok | {:error, Error.any_error()}
  def write(%__MODULE__{} = buffer, binary, options \\ []) when is_binary(binary) do
    checks = [offset: {0, &Options.natural?/1, "a number of elements"}, stream: @stream_option]
    size = size(buffer)

    with {:ok, options} <- Options.validate(options, checks),
         :ok <- check_whole(binary, size, buffer.dtype),
         :ok <- check_range(buffer, options.offset, div(byte_size(binary), size), "write") do
      case options.stream do
        nil -> write_now(buffer, options.offset * size, binary)
        stream -> write_queued(buffer, options.offset * size, binary, stream.ref)
      end
    end
  end

  @doc "Like `write/3`, but raises."
  @spec write!(t(), binary(), offset: non_neg_integer(), stream: Stream.t()) :: :ok
  def write!(buffer, binary, options \\ []), do: Bang.value!(write(buffer, binary, options))

  @doc """
  Copies elements from `source` to `destination`, two buffers of one device and type (or the same
  buffer; the ranges may overlap). Queued in stream order: returns at once.

  Options: `from:` and `to:`, the first elements (0 by default); `count:`, by default everything from
  `from` on; `stream:`.
  """
  @spec copy(t(), t(), keyword()) :: :ok | {:error, Error.any_error()}
  def copy(%__MODULE__{} = destination, %__MODULE__{} = source, options \\ []) do
    element = {0, &Options.natural?/1, "a number of elements"}

    checks = [
      from: element,
      to: element,
      count: {nil, &Options.natural?/1, "a number of elements"},
      stream: @stream_option
    ]

    with {:ok, options} <- Options.validate(options, checks),
         :ok <- check_alike(destination, source),
         count = options.count || max(source.elements - options.from, 0),
         :ok <- check_range(source, options.from, count, "copy"),
         :ok <- check_range(destination, options.to, count, "copy") do
      size = size(source)

      queued(destination.device, fn ->
        Native.buffer_copy(
          destination.ref,
          options.to * size,
          source.ref,
          options.from * size,
          count * size,
          Stream.ref(options.stream)
        )
      end)
    end
  end

  @doc "Like `copy/3`, but raises."
  @spec copy!(t(), t(), keyword()) :: :ok
  def copy!(destination, source, options \\ []),
    do: Bang.value!(copy(destination, source, options))

  @doc """
  Sets every element to `value`: a number that fits the type, `true` or `false` for `:bool`,
  `:infinity`, `:neg_infinity` or `:nan` for floats. Queued in stream order: returns at once.

  Options: `stream:`.
  """
  @spec fill(t(), number() | boolean() | atom(), stream: Stream.t()) ::
          :ok | {:error, Error.any_error()}
  def fill(%__MODULE__{} = buffer, value, options \\ []) do
    with {:ok, options} <- Options.validate(options, stream: @stream_option),
         {:ok, pattern} <- pattern(buffer, value) do
      queued(buffer.device, fn ->
        Native.buffer_fill(buffer.ref, pattern, Stream.ref(options.stream))
      end)
    end
  end

  @doc "Like `fill/3`, but raises."
  @spec fill!(t(), number() | boolean() | atom(), stream: Stream.t()) :: :ok
  def fill!(buffer, value, options \\ []), do: Bang.value!(fill(buffer, value, options))

  @doc """
  Frees the memory now, behind the work that was queued with it. Using the buffer afterwards, freeing
  it again included, is an error.
  """
  @spec free(t()) :: :ok | {:error, Error.any_error()}
  def free(%__MODULE__{ref: ref}), do: result(Native.buffer_free(ref))

  @doc "Like `free/1`, but raises."
  @spec free!(t()) :: :ok
  def free!(buffer), do: Bang.value!(free(buffer))

  @doc """
  Makes `pid`, a process of this node, the owner.

  From then on the buffer counts for its limit: `AMDGPU.OutOfMemoryError` if that is in the way.
  """
  @spec give_away(t(), pid()) :: :ok | {:error, Error.any_error()}
  def give_away(%__MODULE__{ref: ref}, pid) when is_pid(pid) and node(pid) == node(),
    do: result(Native.buffer_give_away(ref, pid))

  @doc "Like `give_away/2`, but raises."
  @spec give_away!(t(), pid()) :: :ok
  def give_away!(buffer, pid), do: Bang.value!(give_away(buffer, pid))

  @doc """
  What the buffer is now: `%{live:, owner:, dtype:, elements:, bytes:}`. `live` is false once it was
  freed; `owner` is nil when that process has ended.
  """
  @spec info(t()) :: %{
          live: boolean(),
          owner: pid() | nil,
          dtype: DType.t(),
          elements: non_neg_integer(),
          bytes: non_neg_integer()
        }
  def info(%__MODULE__{ref: ref}), do: Native.buffer_info(ref)

  # Allocating: the pool at once, or after it has grown, or after garbage has been collected.

  defp allocate(device, dtype, elements, stream) do
    case try_allocate(device, dtype, elements, stream) do
      {:ok, ref} ->
        {:ok, ref}

      {:error, reason} ->
        case Error.from_native(reason) do
          %OutOfMemoryError{} = error -> collect_and_retry(error, device, dtype, elements, stream)
          error -> {:error, error}
        end
    end
  end

  defp try_allocate(device, dtype, elements, stream) do
    case Native.buffer_new(device, dtype, elements, stream) do
      :unavailable -> allocate_slow(device, dtype, elements, stream)
      result -> result
    end
  end

  defp allocate_slow(device, dtype, elements, stream) do
    Patience.retry(device, fn ->
      with {:ok, job} <- Native.buffer_new_slow(device, dtype, elements, stream) do
        case Job.wait(job, :infinity) do
          {:error, {:unavailable, _, _}} -> :unavailable
          {:error, reason} -> {:error, reason}
          _done -> {:ok, Native.job_buffer(job)}
        end
      end
    end)
  end

  # The garbage collector does not see device memory: the handles of the largest holders may be dead.
  defp collect_and_retry(error, device, dtype, elements, stream) do
    :erlang.garbage_collect()
    collect(for %{pid: pid} <- error.holders, is_pid(pid), pid != self(), do: pid)
    retry_collected(@collected_ms, device, dtype, elements, stream)
  end

  # The destructors of what was collected on a dirty scheduler run a little later.
  defp retry_collected([pause | pauses], device, dtype, elements, stream) do
    Process.sleep(pause)
    Native.drop_pending()

    case try_allocate(device, dtype, elements, stream) do
      {:ok, ref} -> {:ok, ref}
      {:error, reason} when pauses == [] -> {:error, Error.from_native(reason)}
      {:error, _reason} -> retry_collected(pauses, device, dtype, elements, stream)
    end
  end

  # In a process of its own, so that no late answer ends up in the caller's mailbox.
  defp collect(pids) do
    {collector, monitor} = spawn_monitor(fn -> Enum.each(pids, &:erlang.garbage_collect/1) end)

    receive do
      {:DOWN, ^monitor, :process, ^collector, _} -> :ok
    after
      @collection_ms -> Process.demonitor(monitor, [:flush])
    end
  end

  # Moving bytes

  defp read_bytes(buffer, offset, bytes) do
    read = fn ->
      with {:download, job} <- Native.buffer_read(buffer.ref, offset, bytes),
           do: transferred(job, fn -> {:ok, Native.job_bytes(job)} end)
    end

    case Patience.retry(buffer.device.ref, read) do
      {:ok, binary} -> {:ok, binary}
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  # The work that a write waits for may fail without concern for the write.
  defp write_now(buffer, offset, binary) do
    write = fn ->
      with {:upload, job} <- Native.buffer_write(buffer.ref, offset, binary),
           do: transferred(job, fn -> :ok end)
    end

    result(Patience.retry(buffer.device.ref, write, :go_on))
  end

  defp transferred(job, result) do
    case Job.wait(job, :infinity) do
      {:error, {:unavailable, _, _}} -> :unavailable
      {:error, reason} -> {:error, reason}
      _done -> result.()
    end
  end

  defp write_queued(buffer, offset, binary, stream) when byte_size(binary) <= @staged_bytes,
    do:
      queued(buffer.device, fn ->
        Native.buffer_write_queued(buffer.ref, offset, binary, stream)
      end)

  defp write_queued(buffer, offset, binary, stream) do
    <<piece::binary-size(@staged_bytes), rest::binary>> = binary

    with :ok <- write_queued(buffer, offset, piece, stream),
         do: write_queued(buffer, offset + @staged_bytes, rest, stream)
  end

  # The job is let go of: its work is ordered before whatever comes next in the stream.
  defp queued(device, fun) do
    case Patience.retry(device.ref, fun) do
      {:ok, _job} -> :ok
      {:error, reason} -> {:error, Error.from_native(reason)}
    end
  end

  defp result(:ok), do: :ok
  defp result({:error, reason}), do: {:error, Error.from_native(reason)}

  # Checks

  defp size(%__MODULE__{dtype: dtype}) do
    {:ok, size} = DType.size(dtype)
    size
  end

  defp element_size(dtype) do
    with :error <- DType.size(dtype) do
      types = Enum.map_join(DType.all(), ", ", &inspect/1)
      {:error, Error.invalid("unknown element type #{inspect(dtype)}; the types are #{types}")}
    end
  end

  defp check_elements(n) when is_integer(n) and n >= 0 and n <= @max_elements, do: :ok

  defp check_elements(other),
    do: {:error, Error.invalid("expected a number of elements, got #{inspect(other)}")}

  defp check_whole(binary, size, _dtype) when rem(byte_size(binary), size) == 0, do: :ok

  defp check_whole(binary, size, dtype) do
    {:error,
     Error.invalid(
       "a binary of #{byte_size(binary)} bytes is not a whole number of #{inspect(dtype)} " <>
         "elements of #{size} bytes"
     )}
  end

  defp check_range(buffer, offset, count, what) do
    if Options.natural?(offset) and Options.natural?(count) and offset + count <= buffer.elements do
      :ok
    else
      {:error,
       %Error{
         code: :out_of_range,
         message:
           "#{what} of #{inspect(count)} elements at #{inspect(offset)} is not inside a buffer " <>
             "of #{buffer.elements}"
       }}
    end
  end

  defp check_alike(%{device: %{pid: pid1}}, %{device: %{pid: pid2}}) when pid1 != pid2,
    do: {:error, Error.invalid("the buffers are on different devices")}

  defp check_alike(%{dtype: dtype}, %{dtype: dtype}), do: :ok

  defp check_alike(destination, source) do
    {:error,
     Error.invalid(
       "the buffers are of different types: #{inspect(destination.dtype)} and #{inspect(source.dtype)}"
     )}
  end

  defp pattern(buffer, value) do
    with :error <- DType.encode(buffer.dtype, value) do
      {:error,
       Error.invalid("#{inspect(value)} is not an element of type #{inspect(buffer.dtype)}")}
    end
  end

  defimpl Inspect do
    def inspect(buffer, _opts) do
      "#AMDGPU.Buffer<#{buffer.dtype}[#{buffer.elements}] on #{AMDGPU.Device.label(buffer.device)}>"
    end
  end
end
