defmodule Demo.PNGTest do
  use ExUnit.Case, async: true

  # Decodes what the encoder made by the PNG specification: signature, checked chunks, inflated rows.
  defp decode(png) do
    <<0x89, "PNG\r\n", 0x1A, "\n", rest::binary>> = IO.iodata_to_binary(png)
    chunks = chunks(rest)
    <<width::32, height::32, 8, color_type, 0, 0, 0>> = chunks["IHDR"]
    stride = width * if color_type == 2, do: 3, else: 1
    rows = :zlib.uncompress(chunks["IDAT"])
    assert byte_size(rows) == height * (stride + 1)
    {width, height, color_type, for(<<0, row::binary-size(stride) <- rows>>, into: <<>>, do: row)}
  end

  defp chunks(<<size::32, type::binary-4, data::binary-size(size), crc::32, rest::binary>>) do
    assert :erlang.crc32([type, data]) == crc
    Map.put(chunks(rest), type, data)
  end

  defp chunks(<<>>), do: %{}

  test "what it writes decodes to the same pixels" do
    rgb = :binary.list_to_bin(for i <- 1..(7 * 5 * 3), do: rem(i * 37, 256))
    assert decode(Demo.PNG.encode(:rgb, 7, 5, rgb)) == {7, 5, 2, rgb}
    gray = <<0, 127, 255, 1, 2, 3>>
    assert decode(Demo.PNG.encode(:gray, 3, 2, gray)) == {3, 2, 0, gray}
  end

  test "a folder that is not there is an error" do
    assert {:error, reason} = Demo.PNG.write("/no/such/a.png", :gray, 1, 1, <<0>>)
    assert reason =~ "/no/such/a.png"
  end
end
