defmodule AMDGPU.DoctorTest do
  use ExUnit.Case, async: true
  alias AMDGPU.{ChildVM, Doctor}

  test "finds this machine fit, and says so" do
    findings = Doctor.examine()
    text = Doctor.format(findings)
    assert Doctor.healthy?(findings), text
    assert text =~ "AMDGPU works on this machine."
    for area <- ~w(Elixir cores seccomp amdgpu_worker saxpy device), do: assert(text =~ area)
  end

  @tag :tmp_dir
  test "says what is missing, how to get it, and exits with 1", %{tmp_dir: dir} do
    {output, status} = ChildVM.run_mix_task("amdgpu.doctor", env: [{"AMDGPU_PRIV_DIR", dir}])
    assert status == 1
    assert output =~ "[FAIL] amdgpu_worker"
    assert output =~ "-> mix compile"
    assert output =~ "AMDGPU does not work on this machine yet."
  end

  test "a cache that cannot be written is a note, not a failure" do
    {output, status} =
      ChildVM.run_mix_task("amdgpu.doctor", env: [{"AMDGPU_CACHE_DIR", "/proc/nothing"}])

    assert status == 0, output
    assert output =~ "[note] kernel cache"
  end
end
