"""Documents that name code name code that exists."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_way_of_a_failover_is_at_most_seven_functions_that_exist():
    steps = re.findall(r"^\d\. `([\w:]+)` \(`([\w./]+)`\)", (ROOT / "docs/ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert 3 <= len(steps) <= 7
    assert steps[0][0] == "main" and steps[-1][0] == "Dataplane::apply"
    for name, path in steps:
        assert re.search(rf"\b{name}\(", (ROOT / path).read_text()), f"{path} does not define {name}"


def test_every_folder_of_the_sources_is_in_the_architecture():
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    folders = [path for path in (ROOT / "src").iterdir() if path.is_dir()]
    assert [folder.name for folder in folders if f"| `src/{folder.name}` |" not in text] == []


def test_every_fuzz_target_is_in_the_table_of_decoders_and_names_files_that_exist():
    rows = re.findall(r"^\| [^|]+\| [^|]+\| ([^|]+) \| `(fuzz_\w+)` \|$", (ROOT / "docs/TESTING.md").read_text(),
                      re.MULTILINE)
    assert {target for _, target in rows} == {path.stem for path in (ROOT / "tests/fuzz").glob("fuzz_*.cpp")}
    built = re.search(r"foreach\(name ([^)]*)\)", (ROOT / "tests/fuzz/CMakeLists.txt").read_text()).group(1)
    assert {target for _, target in rows} == {f"fuzz_{name}" for name in built.split()}
    for decoders, target in rows:
        folder = None
        for name in re.findall(r"`([^`]+)`", decoders):
            folder = (ROOT / name).parent if "/" in name else folder
            assert list(folder.glob(Path(name).name)), f"{target}: {name} does not exist"
        assert list((ROOT / "tests/fuzz/corpus" / target.removeprefix("fuzz_")).iterdir()), f"{target} has no corpus"


@pytest.mark.parametrize("picture", sorted((ROOT / "docs/pictures").glob("*.svg")), ids=lambda picture: picture.name)
def test_a_picture_is_small_well_formed_and_shown_somewhere(picture):
    text = picture.read_text()
    ElementTree.fromstring(text)
    assert len(text) < 100_000 and "\033" not in text
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"pictures/{picture.name}" in document.read_text() for document in documents)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.[0-9]")), ids=lambda page: page.name)
def test_man_page_is_well_formed(page):
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True)
    assert lint.stdout == ""


def test_every_native_verb_is_in_the_manual():
    page = (ROOT / "man/ipmp.8").read_text()
    grammar = (ROOT / "src/tools/native_grammar.cpp").read_text()
    forms = re.findall(r'^        \{\w+, "(\w+)", "(\w*)", ', grammar, re.MULTILINE)
    assert len(forms) >= 13
    verbs = [f"{thing} {word}".strip() for thing, word in forms if word != "show"]
    assert [verb for verb in verbs if not re.search(rf"^\.(It )?Cm .*\b{verb}\b", page, re.MULTILINE)] == []
    adm = re.findall(r'^        \{"([a-z]+-[a-z]+)"', (ROOT / "src/tools/native_adm.cpp").read_text(), re.MULTILINE)
    assert len(adm) >= 12
    assert [verb for verb in adm if not re.search(rf"^\.It Cm .*\b{verb}\b", page, re.MULTILINE)] == []
