defmodule Demo.PNG do
  @moduledoc "Writes PNG images with OTP's zlib alone."

  @doc "Writes 8-bit pixels: `:rgb` (3 bytes each) or `:gray` (1 byte each)."
  @spec write(Path.t(), :rgb | :gray, pos_integer, pos_integer, binary) ::
          :ok | {:error, String.t()}
  def write(path, format, width, height, pixels) do
    case File.write(path, encode(format, width, height, pixels)) do
      :ok -> :ok
      {:error, reason} -> {:error, "#{path}: #{:file.format_error(reason)}"}
    end
  end

  @doc "The bytes of a PNG file."
  @spec encode(:rgb | :gray, pos_integer, pos_integer, binary) :: iodata
  def encode(format, width, height, pixels) do
    {color_type, bytes_per_pixel} = if format == :rgb, do: {2, 3}, else: {0, 1}
    stride = width * bytes_per_pixel

    # Each row is preceded by its filter; 1 (Sub) would compress better and cost more than it saves.
    rows = for <<row::binary-size(stride) <- pixels>>, do: [0, row]

    [
      <<0x89, "PNG", 13, 10, 26, 10>>,
      chunk("IHDR", <<width::32, height::32, 8, color_type, 0, 0, 0>>),
      chunk("IDAT", deflate(rows)),
      chunk("IEND", "")
    ]
  end

  defp deflate(rows) do
    z = :zlib.open()
    :ok = :zlib.deflateInit(z, :best_speed)
    compressed = :zlib.deflate(z, rows, :finish)
    :zlib.close(z)
    IO.iodata_to_binary(compressed)
  end

  defp chunk(type, data),
    do: [<<byte_size(data)::32>>, type, data, <<:erlang.crc32([type, data])::32>>]
end
