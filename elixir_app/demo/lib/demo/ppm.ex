defmodule Demo.PPM do
  @moduledoc "Reads binary PPM images (`P6`, 8 bits a channel)."

  # 64 megapixels: 192 MiB of RGB, and as much again several times over on the device.
  @max_pixels 64 * 1024 * 1024

  @type image :: %{width: pos_integer, height: pos_integer, rgb: binary}

  @doc """
  The image in the file at `path`, or a reason that a person can act on.

  The header is checked before the pixels are read.
  """
  @spec read(Path.t()) :: {:ok, image} | {:error, String.t()}
  def read(path) do
    case File.open(path, [:read, :binary, :raw], &read_from/1) do
      {:ok, {:ok, image}} -> {:ok, image}
      {:ok, {:error, reason}} -> {:error, "#{path}: #{reason}"}
      {:error, reason} -> {:error, "#{path}: #{:file.format_error(reason)}"}
    end
  end

  defp read_from(file) do
    with {:ok, start} <- read_bytes(file, 4096),
         {:ok, {width, height, max, offset}} <- header(start),
         :ok <- check(width, height, max) do
      read_pixels(file, offset, width, height)
    end
  end

  defp read_bytes(file, count) do
    case :file.read(file, count) do
      {:ok, bytes} -> {:ok, bytes}
      :eof -> {:error, "is empty"}
      {:error, reason} -> {:error, to_string(:file.format_error(reason))}
    end
  end

  defp header(<<"P6", rest::binary>> = start) do
    with {:ok, width, rest} <- number(rest),
         {:ok, height, rest} <- number(rest),
         {:ok, max, rest} <- number(rest),
         <<separator, _::binary>> when separator in ' \t\r\n' <- rest do
      {:ok, {width, height, max, byte_size(start) - byte_size(rest) + 1}}
    else
      _ -> {:error, "has a broken PPM header (P6, width, height, 255)"}
    end
  end

  defp header(_), do: {:error, "is not a binary PPM (it does not start with P6)"}

  # White space and comments, then decimal digits.
  defp number(<<c, rest::binary>>) when c in ' \t\r\n', do: number(rest)

  defp number(<<"#", rest::binary>>) do
    case :binary.split(rest, "\n") do
      [_comment, rest] -> number(rest)
      _ -> :error
    end
  end

  defp number(<<c, _::binary>> = text) when c in ?0..?9 do
    case Integer.parse(text) do
      {value, rest} when value < 1_000_000_000 -> {:ok, value, rest}
      _ -> :error
    end
  end

  defp number(_), do: :error

  defp check(width, height, _) when width == 0 or height == 0,
    do: {:error, "has no pixels (#{width} x #{height})"}

  defp check(width, height, _) when width * height > @max_pixels,
    do:
      {:error,
       "is too large: #{width} x #{height} is more than #{div(@max_pixels, 1024 * 1024)} megapixels"}

  defp check(_, _, 255), do: :ok
  defp check(_, _, max), do: {:error, "has #{max} levels a channel; only 255 are read"}

  defp read_pixels(file, offset, width, height) do
    expected = width * height * 3

    case :file.pread(file, offset, expected) do
      {:ok, rgb} when byte_size(rgb) == expected ->
        {:ok, %{width: width, height: height, rgb: rgb}}

      {:ok, rgb} ->
        {:error,
         "is truncated: #{byte_size(rgb)} of #{expected} bytes for #{width} x #{height} pixels"}

      :eof ->
        {:error, "is truncated: no pixels after the header"}

      {:error, reason} ->
        {:error, to_string(:file.format_error(reason))}
    end
  end
end
