"""The house rules hold on the tree, and each rule finds what it is for and leaves good code alone."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import tidy  # noqa: E402

HEAD = "// An example.\n"
LICENCE = "// SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)\n"


def test_the_tree_keeps_the_house_rules():
    found = tidy.breaches(ROOT)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def breaches_of(tmp_path, path, text, other_files=()):
    for name, content in [*other_files, (path, text)]:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return [breach for breach in tidy.breaches(tmp_path) if breach.startswith(path + ":")]


def body(lines, signature="void f() {"):
    return signature + "\n" + "    g();\n" * (lines - 2) + "}\n"


BAD = [
    ("core includes the shell", "src/core/a.hpp", '#pragma once\n#include "shell/clock.hpp"\n', "must not include"),
    ("core includes wire", "src/core/a.hpp", '#pragma once\n#include "wire/arp.hpp"\n', "must not include"),
    ("a tool includes core", "src/tools/a.hpp", '#pragma once\n#include "core/engine.hpp"\n', "must not include"),
    ("base includes model", "src/base/a.hpp", '#pragma once\n#include "model/ids.hpp"\n', "must not include"),
    ("the shell includes the daemon", "src/shell/a.hpp", '#pragma once\n#include "daemon/x.hpp"\n', "must not include"),
    ("core sees the map layout", "src/core/a.hpp", '#pragma once\n#include "bpf/ipmp_abi.h"\n', "map layout"),
    ("the loop sees the map layout", "src/shell/a.hpp", '#pragma once\n#include "bpf/ipmp_abi.h"\n', "map layout"),
    ("core reads a clock", "src/core/a.hpp", "#pragma once\nauto t = std::chrono::steady_clock::now();\n", "clock"),
    ("a test of core reads a clock", "src/core/a_test.cpp", "auto t = steady_clock::now();\n", "clock"),
    ("wire reads a clock", "src/wire/a.hpp", "#pragma once\nauto t = time(nullptr);\n", "clock"),
    ("the shell reads the wall clock", "src/shell/a.hpp", "#pragma once\nauto t = time(nullptr);\n", "wall clock"),
    ("core looks at errno", "src/core/a.hpp", "#pragma once\ninline int e() { return errno; }\n", "errno"),
    ("core has a thread", "src/core/a.hpp", "#pragma once\n#include <thread>\n", "must not reach"),
    ("core logs", "src/core/a.hpp", '#pragma once\ninline void f() { std::cerr << ""; }\n', "must not use"),
    ("core rolls dice", "src/core/a.hpp", "#pragma once\n#include <random>\n", "must not reach"),
    ("production code sleeps", "src/shell/a.hpp", "#pragma once\ninline void f() { usleep(1000); }\n", "sleeping"),
    ("a long file", "src/base/a.hpp", "#pragma once\n" + "// x\n" * 400, "split"),
    ("a stale excuse", "src/base/a.hpp", f"#pragma once\n// longer than {tidy.FILE_LINES} lines because x\n", "drop"),
    ("a long function", "src/shell/a.hpp", "#pragma once\n" + body(71), "function of 71 lines"),
    ("a long method", "src/shell/a.hpp", "#pragma once\nclass A {\n" + body(72) + "};\n", "function of 72 lines"),
    ("a long constructor", "src/shell/a.hpp", "#pragma once\n" + body(73, "A::A() : a_{1}, b_(2) {"), "function of 73"),
    ("a long function in a namespace", "src/shell/a.hpp", "#pragma once\nnamespace x {\n" + body(80) + "}\n", "of 80"),
    ("a long Python function", "scripts/a.py", '"""x."""\ndef f():\n' + "    g()\n" * 70, "function of 71 lines"),
    ("a wide line", "src/base/a.hpp", "#pragma once\n// " + "x" * 120 + "\n", "columns"),
    ("a tab", "src/base/a.hpp", "#pragma once\n\tint x;\n", "tab"),
    ("trailing blanks", "src/base/a.hpp", "#pragma once  \n", "blanks"),
    ("something left over", "src/base/a.hpp", "#pragma once\n// FIX" "ME\n", "left-over"),
    ("no newline at the end", "src/base/a.hpp", "#pragma once", "newline"),
    ("no guard", "src/base/a.hpp", "int f();\n", "pragma"),
    ("a dead file", "src/base/a.cpp", "int x;\n", "dead file"),
    ("BPF code without a licence", "src/bpf/a.bpf.c", "int x;\n", "SPDX"),
    ("a broken link", "docs/A.md", "see [this](NOWHERE.md)\n", "link"),
]


@pytest.mark.parametrize("path,text,expected", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_finds(tmp_path, path, text, expected):
    head = HEAD if path.endswith((".hpp", ".cpp", ".c")) else ""
    found = breaches_of(tmp_path, path, head + text)
    assert [breach for breach in found if expected in breach], found


def test_finds_a_file_without_an_opening_comment(tmp_path):
    assert "open with a comment" in breaches_of(tmp_path, "src/base/a.hpp", "#pragma once\n")[0]
    assert "open with a comment" in breaches_of(tmp_path, "scripts/a.sh", "#!/bin/sh\necho\n")[0]


GOOD = [
    ("words in comments and literals", "src/core/a.hpp",
     HEAD + "#pragma once\n// errno and steady_clock are not for us\ninline const char* s = \"errno socket\";\n"),
    ("a raw literal with braces", "src/wire/a.hpp", HEAD + '#pragma once\nauto s = R"x({{{ " )x";\n' + body(60)),
    ("digit separators", "src/wire/a.hpp", HEAD + "#pragma once\nint n = 1'000'000;\n" + body(60)),
    ("upward includes only", "src/shell/a.hpp", HEAD + '#pragma once\n#include "core/engine.hpp"\n'),
    ("the dataplane sees the map layout", "src/shell/dataplane.hpp",
     HEAD + '#pragma once\n#include "bpf/ipmp_abi.h"\n'),
    ("a test of a tool uses the control server", "src/tools/a_test.cpp",
     HEAD + '#include "shell/control_server.hpp"\n'),
    ("a test of core uses a seeded generator", "src/core/a_test.cpp", HEAD + "#include <random>\n"),
    ("functions of just the length", "src/shell/a.hpp", HEAD + "#pragma once\n" + body(70) + body(70)),
    ("a long table", "src/shell/a.hpp", HEAD + "#pragma once\nint table[] = {\n" + "    1,\n" * 90 + "};\n"),
    ("an excused function", "src/shell/a.hpp",
     HEAD + f"#pragma once\n// longer than {tidy.FUNCTION_LINES} lines because it is one table\n" + body(90)),
    ("an excused file", "src/shell/a.hpp",
     f"// An example, longer than {tidy.FILE_LINES} lines because it is one.\n#pragma once\n" + "// x\n" * 400),
    ("BPF code with a licence", "src/bpf/a.bpf.c", LICENCE + "int x;\n"),
    ("a working link", "docs/A.md", "see [this](A.md), [that](https://example.org/) and [here](#part)\n"),
    ("files of other makers", "build/a.hpp", "int x;\t\n"),
]


@pytest.mark.parametrize("path,text", [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_accepts(tmp_path, path, text):
    build = [("src/core/CMakeLists.txt", "a_test\n"), ("src/tools/CMakeLists.txt", "a_test\n")]
    assert breaches_of(tmp_path, path, text, build) == []
