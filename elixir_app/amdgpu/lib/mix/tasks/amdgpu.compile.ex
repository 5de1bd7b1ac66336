defmodule Mix.Tasks.Amdgpu.Compile do
  @shortdoc "Compiles HIP kernels for a release"
  @moduledoc """
  Compiles kernels ahead of time, for any GPU on any machine, into bundles (`AMDGPU.Bundle`).

      mix amdgpu.compile kernels/*.hip --targets gfx90a,gfx1100,sm_90,host

  Each file `kernels/blur.hip` becomes `priv/kernels/blur.amdgpu`, with all its kernels.

  Options:

    * `--targets` - what to compile for, separated by commas; `host` by default
    * `--out` - the folder to write to; `priv/kernels` by default
    * `--name` - a kernel to compile, such as `"scale<float>"`; may be repeated. Without it every
      kernel that is no template
    * `-D NAME=VALUE`, `--define` - a constant; may be repeated
    * `--std` - `c++11` to `c++20`
    * `--strict-math` - no fused multiply-add, no approximate math
    * `--no-source` - leave the source out of the bundle

  Every target of every file is tried; the task fails if one does not compile.
  """

  use Mix.Task

  alias AMDGPU.{Bundle, Kernel}

  @requirements ["app.start"]

  @switches [
    targets: :string,
    out: :string,
    name: :keep,
    define: :keep,
    std: :string,
    strict_math: :boolean,
    source: :boolean
  ]

  @impl true
  def run(args) do
    {options, files} = OptionParser.parse!(args, strict: @switches, aliases: [D: :define])
    if files == [], do: Mix.raise("no source files: mix amdgpu.compile kernels/*.hip")

    out = Keyword.get(options, :out, "priv/kernels")
    File.mkdir_p!(out)
    targets = options |> Keyword.get(:targets, "host") |> String.split(",", trim: true)

    case Enum.reject(files, &compile(&1, targets, out, options)) do
      [] -> :ok
      failed -> Mix.raise("#{length(failed)} of #{length(files)} files failed")
    end
  end

  defp compile(file, targets, out, options) do
    with {:ok, source} <- read(file),
         {:ok, bundle} <-
           Kernel.compile_for(targets, source, names(options), opts(file, options)),
         path = Path.join(out, Path.basename(file, Path.extname(file)) <> ".amdgpu"),
         :ok <- Bundle.write(bundle, path) do
      sizes = Enum.map_join(bundle.targets, ", ", &"#{&1.target} #{&1.code_bytes} B")
      Mix.shell().info("#{path}: #{sizes}")
      true
    else
      {:error, error} ->
        Mix.shell().error("#{file}: #{Exception.message(error)}")
        false
    end
  end

  defp read(file) do
    with {:error, reason} <- File.read(file) do
      {:error, %AMDGPU.Error{code: :not_found, message: to_string(:file.format_error(reason))}}
    end
  end

  defp names(options) do
    case Keyword.get_values(options, :name) do
      [] -> :all
      names -> names
    end
  end

  defp opts(file, options) do
    [
      file: Path.basename(file),
      defines: options |> Keyword.get_values(:define) |> Map.new(&define/1),
      std: Keyword.get(options, :std, "c++17"),
      strict_math: Keyword.get(options, :strict_math, false),
      source: Keyword.get(options, :source, true)
    ]
  end

  defp define(text) do
    case String.split(text, "=", parts: 2) do
      [name, value] -> {name, value}
      [name] -> {name, "1"}
    end
  end
end
