"""scripts/lint.sh loses no finding, and analyses again all that a change reaches."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import lint  # noqa: E402

# Stands for clang-tidy: notes what it was asked for, and finds what the sources say in capital letters.
ANALYSER = """#!/bin/bash
[[ $1 != --version ]] || { echo 1; exit; }
echo "$2" >>looked
sed -n "s|.*FINDING \\(.*\\)|$PWD/$2:1:1: error: said so [\\1,-warnings-as-errors]|p" "$2" shared.hpp
! grep -q DIES "$2"
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(lint, "BUILD", tmp_path)
    monkeypatch.setattr(lint, "MEMORY", tmp_path / "memory")
    monkeypatch.setattr(lint, "TIDY", str(tmp_path / "analyser"))
    (tmp_path / "analyser").write_text(ANALYSER)
    (tmp_path / "analyser").chmod(0o755)
    (tmp_path / ".clang-tidy").write_text("# why\nChecks: all\n")
    (tmp_path / "shared.hpp").write_text("int shared();\n")
    (tmp_path / "a.cpp").write_text('#include "shared.hpp"\n')
    (tmp_path / "b.cpp").write_text("int b();\n")
    (tmp_path / "compile_commands.json").write_text(json.dumps([
        {"file": str(tmp_path / name), "command": f"ccache g++ -I{tmp_path} -o {name}.o -c {tmp_path / name}"}
        for name in ("a.cpp", "b.cpp")]))
    return tmp_path


def looked_at(tree):
    """What is analysed in one run over everything."""
    (tree / "looked").write_text("")
    tidy = lint.Tidy()
    said = {source: tidy.look(source) for source in ("a.cpp", "b.cpp")}
    looked = (tree / "looked").read_text().split()
    assert [source for source in said if said[source] is not None] == looked
    return looked


def test_what_was_clean_and_did_not_change_is_not_analysed_again(tree):
    assert looked_at(tree) == ["a.cpp", "b.cpp"]
    assert looked_at(tree) == []


@pytest.mark.parametrize("changed,text,again", [
    ("b.cpp", "int b();\nint c();\n", ["b.cpp"]),
    ("b.cpp", "int b();  // NOLINT\n", ["b.cpp"]),
    ("b.cpp", "#define B(x) x\nint b();\n", ["b.cpp"]),
    ("shared.hpp", "long shared();\n", ["a.cpp"]),
    (".clang-tidy", "# why\nChecks: fewer\n", ["a.cpp", "b.cpp"]),
    (".clang-tidy", "# why, in other words\nChecks: all\n", []),
], ids=["code", "comment", "macro", "header", "checks", "reason"])
def test_a_change_is_analysed_wherever_it_reaches(tree, changed, text, again):
    looked_at(tree)
    (tree / changed).write_text(text)
    assert looked_at(tree) == again


def test_what_has_findings_is_analysed_until_it_has_none(tree):
    (tree / "b.cpp").write_text("// FINDING some-check\n")
    assert looked_at(tree) == ["a.cpp", "b.cpp"]
    assert looked_at(tree) == ["b.cpp"]


def test_a_finding_in_a_header_is_shown_and_counted_once(capsys):
    report = lint.Report()
    for _ in range(2):
        report.take("src/a.hpp:3:1: error: bad [some-check]\n    bad();\nsrc/b.cpp:1:2: performance: slow [other]\n")
    report.take("src/b.cpp:5:1: error: bad [some-check]\n    worse();\n")
    assert report.kinds == {"some-check": 2, "other": 1}
    shown = capsys.readouterr().out
    assert shown.count("bad();") == 1 and "worse();" in shown


def test_what_is_generated_is_not_ours():
    generated = "build/src/bpf/ipmp.skel.h:9:1: error: leak [some-check]\nsrc/a.cpp:2:1: note: calling it\n"
    finding = "src/a.cpp:3:1: error: bad [some-check]\n    bad();\n"
    assert lint.ours(generated + finding + generated) == finding


@pytest.mark.parametrize("source,text", [
    ("b.cpp", "// DIES\n"),
    ("b.cpp", '#include "absent.hpp"\n'),
    ("c.cpp", "int c();\n"),
], ids=["analyser fails", "no preprocessing", "in no target"])
def test_a_source_that_could_not_be_analysed_is_a_finding(tree, source, text):
    (tree / source).write_text(text)
    report = lint.Report()
    report.take(lint.Tidy().look(source))
    assert report.kinds.total() == 1


def test_paths_are_those_of_the_tree(tree):
    (tree / "b.cpp").write_text("// FINDING some-check\n")
    assert lint.Tidy().look("b.cpp") == "b.cpp:1:1: error: said so [some-check]\n"
