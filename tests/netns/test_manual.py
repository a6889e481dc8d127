# SPDX-License-Identifier: Apache-2.0
"""What weir-init prints about itself, read by the programs that it is for: bash, man."""

import shutil
import subprocess

import pytest

from harness import programs
from harness.installer import PATH


def _printed(*arguments: str) -> str:
    return subprocess.run([programs.weir_init(), *arguments], capture_output=True, text=True, check=True, env=PATH).stdout


def _completions(tmp_path, *words: str) -> list[str]:
    """What bash offers for the last of these words, behind weir-init."""
    script = tmp_path / "weir-init.bash"
    script.write_text(_printed("completion", "bash"))
    line = " ".join(f"'{word}'" for word in ("weir-init", *words))
    program = f"""
        source {script}
        COMP_WORDS=({line}); COMP_CWORD={len(words)}
        _weir_init
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-euc", program], capture_output=True, text=True, cwd=tmp_path, env=PATH)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "words, offered",
    [
        (("expl",), ["explain"]),
        (("c",), ["cleanup", "check", "confirm", "completion"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("--own-t",), ["--own-table"]),
        (("verify", "--js"), ["--json"]),
        (("--backend", ""), ["auto", "nftables", "legacy"]),
        (("--backend", "=", "l"), ["legacy"]),  # readline hands '=' over as a word
        (("-m", "T"), ["TPROXY"]),
        (("--config", "wei"), ["weir-init.bash"]),
        (("-p", ""), []),
    ],
    ids=" ".join,
)
def test_bash_completes(tmp_path, words, offered):
    assert _completions(tmp_path, *words) == offered


def test_groff_has_nothing_to_say_about_the_man_page(tmp_path):
    page = tmp_path / "weir-init.8"
    page.write_text(_printed("man"))
    tool = shutil.which("groff")
    assert tool, "groff: not installed"
    done = subprocess.run([tool, "-ww", "-man", "-Tascii", "-P-cbou", str(page)], capture_output=True, text=True, env=PATH)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    for title in ("NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "EXIT STATUS", "EXAMPLES"):
        assert title in done.stdout


def test_help_is_about_the_command(tmp_path):
    assert "Usage: weir-init [COMMAND] [flags]" in _printed("--help")
    assert _printed("explain", "--help").startswith("weir-init explain: ")
    assert _printed("kumactl", "install", "transparent-proxy", "--help") == _printed("--help")
