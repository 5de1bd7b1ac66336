defmodule Demo.PPMTest do
  use ExUnit.Case, async: true

  alias Demo.PPM

  setup do
    path = Path.join(System.tmp_dir!(), "ppm-#{System.unique_integer([:positive])}.ppm")
    on_exit(fn -> File.rm(path) end)
    %{path: path}
  end

  test "reads a picture, comments and odd white space included", %{path: path} do
    File.write!(path, ["P6 # made by hand\n2\t# wide\n 1\r\n255\n", <<1, 2, 3, 4, 5, 6>>])
    assert PPM.read(path) == {:ok, %{width: 2, height: 1, rgb: <<1, 2, 3, 4, 5, 6>>}}
  end

  test "ignores what follows the pixels", %{path: path} do
    File.write!(path, ["P6 1 1 255\n", <<7, 8, 9>>, "more"])
    assert {:ok, %{rgb: <<7, 8, 9>>}} = PPM.read(path)
  end

  for {what, bytes, words} <- [
        {"an empty file", "", "is empty"},
        {"a PNG", <<0x89, "PNG", 13, 10>>, "not a binary PPM"},
        {"an ASCII PPM", "P3 1 1 255\n0 0 0", "not a binary PPM"},
        {"a header without numbers", "P6 one two three\n", "broken PPM header"},
        {"a header that ends", "P6 10", "broken PPM header"},
        {"a negative size", "P6 -1 5 255\n", "broken PPM header"},
        {"no pixels across", "P6 0 5 255\n", "no pixels (0 x 5)"},
        {"no pixels at all", "P6 0 0 255\n", "no pixels (0 x 0)"},
        {"more pixels than fit", "P6 100000 100000 255\n", "too large"},
        {"an absurd number", "P6 99999999999999999999 1 255\n", "broken PPM header"},
        {"16 bits a channel", "P6 1 1 65535\n123456", "65535 levels"},
        {"too few pixels", "P6 2 2 255\n12345", "truncated: 5 of 12 bytes"},
        {"a header alone", "P6 2 2 255\n", "truncated"}
      ] do
    test "refuses #{what} in one line", %{path: path} do
      File.write!(path, unquote(bytes))
      assert {:error, reason} = PPM.read(path)
      assert reason =~ unquote(words)
      assert reason =~ path
      refute reason =~ "\n"
    end
  end

  test "says so when there is no such file" do
    assert PPM.read("/no/such.ppm") == {:error, "/no/such.ppm: no such file or directory"}
  end
end
