#!/usr/bin/python3
"""The house rules of docs/STYLE.md, as far as a program can judge them. Prints one line per breach.

    scripts/tidy.py [ROOT]      exit status 1 if anything was found

A rule is a generator of (line number, text) over one File; `RULES` lists them all. tests/tidy runs this on the
tree as a test, and tests every rule with a good and a bad example.
"""

import ast
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 70
COLUMNS = 120

# Which folders below src/ a folder may include (the link order). `bpf` stands for the map layout, see below.
BELOW_SHELL = {"base", "model", "core", "wire", "render"}
LAYERS = {
    "base": set(),
    "model": {"base"},
    "core": {"base", "model"},
    "wire": {"base", "model"},
    "render": {"base", "model"},
    "shell": BELOW_SHELL,
    "daemon": BELOW_SHELL | {"shell"},
    "tools": {"base", "model", "wire", "render"},
    "exporter": {"base", "model", "wire", "tools"},
    "libipmp": {"base", "model", "wire", "render", "tools"},
    "bpf": set(),
}
# The map layout and the generated skeleton are for those who load the programs.
MAP_LAYOUT = re.compile(r"(^|/)(ipmp|carrier)_abi\.h$|\.skel\.h$")
MAP_LAYOUT_READERS = re.compile(r"^(src/bpf/|src/shell/(dataplane|carrier_trace)|tests/bpf/"
                                r"|tests/fuzz/(native_filters|fuzz_frames))")

# Folders that decide or translate; they are handed the time and return what is to be done (docs/ARCHITECTURE.md).
PURE = {"base", "model", "core", "wire", "render"}
CLOCK = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock|clock_gettime|gettimeofday|timerfd_create)\b"
                   r"|\btime\s*\(\s*(0|NULL|nullptr)?\s*\)")
# A clock that people set: nothing it says may lead to a decision. Kernel's stamps of probes are of it, and syslog's.
WALL_CLOCK = re.compile(r"\b(CLOCK_REALTIME|system_clock|gettimeofday)\b|\btime\s*\(\s*(0|NULL|nullptr)\s*\)")
WALL_CLOCK_READERS = {"src/shell/probe_sockets.cpp", "src/shell/log.cpp"}
CORE_INCLUDE = re.compile(r"#\s*include\s*<(thread|mutex|atomic|condition_variable|future|shared_mutex|stop_token"
                          r"|random|cerrno|errno\.h|ctime|time\.h|cstdio|stdio\.h|iostream|fstream|print|syslog\.h"
                          r"|unistd\.h|fcntl\.h|filesystem|(sys|net|netinet|linux|arpa|bpf|libmnl|systemd)/[^>]*)>")
CORE_WORD = re.compile(r"\b(errno|rand|srand|random_device|f?printf|perror|syslog|getenv|std::c(out|err|log)"
                       r"|this_thread|thread_local|socket|ioctl)\b(?!\s*:)")
SLEEP = re.compile(r"\b(u?sleep|nanosleep|sleep_for|sleep_until)\s*\(")

TEXT_SUFFIXES = {".cpp", ".hpp", ".c", ".h", ".py", ".sh", ".md", ".cmake", ".json", ".txt", ".varlink",
                 ".3", ".5", ".8", ""}
SKIPPED = {".git", "__pycache__", ".pytest_cache", "LICENSES", "corpus"}


@dataclass
class File:
    root: Path
    path: str  # below root

    @cached_property
    def text(self):
        return (self.root / self.path).read_text(errors="replace")

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        """C and C++ without comments and the contents of literals; every line keeps its number."""
        return strip_comments(self.text)

    @property
    def suffix(self):
        return Path(self.path).suffix

    @property
    def is_c(self):
        return self.suffix in (".cpp", ".hpp", ".c", ".h")

    @property
    def is_test(self):
        return self.path.startswith("tests/") or Path(self.path).stem.endswith("_test")

    @property
    def layer(self):
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def is_script(self):
        return self.suffix in (".py", ".sh") or self.text.startswith("#!")


TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>R"(?P<mark>[^()\s\\"]*)\(.*?\)(?P=mark)")
  | (?P<include>^[ \t]*\#[ \t]*include[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<separator>(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]))
  | (?P<character>'(?:\\.|[^'\\\n])+')
""", re.VERBOSE | re.DOTALL | re.MULTILINE)


def strip_comments(text):
    def replace(match):
        kept = "\n" * match.group().count("\n")
        if match.lastgroup == "include" or match.group("include"):
            return re.sub(r"//.*", "", match.group())
        if match.group("comment"):
            return " " + kept
        return ('""' if match.group()[0] in 'R"' else "0") + kept
    return TOKEN.sub(replace, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def c_functions(code):
    """(first line, last line) of every function body at namespace or class level."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group().count("\n"), code, flags=re.MULTILINE)
    begin, position = 0, 0
    while (match := re.compile(r"[{};]").search(code, position)) is not None:
        head = code[begin:match.start()]
        position = begin = match.end()
        if match.group() != "{" or "(" not in head:
            continue
        if re.match(r"\s*(inline\s+)?(namespace|class|struct|union|enum|extern)\b[^()]*$", head):
            continue
        depth = 1
        while depth > 0 and (brace := re.compile(r"[{}]").search(code, position)) is not None:
            depth += 1 if brace.group() == "{" else -1
            position = brace.end()
        begin = position
        yield line_of(code, match.start() - len(head.lstrip())), line_of(code, position - 1)


def functions(file):
    if file.is_c:
        yield from c_functions(file.code)
    elif file.suffix == ".py":
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.lineno, node.end_lineno


def rule_layers(file):
    if file.layer not in LAYERS:
        return
    allowed = LAYERS[file.layer] | {file.layer}
    if file.layer == "tools" and file.is_test:
        allowed = allowed | {"shell"}  # tools are tested against a real control server
    for number, line in enumerate(file.code.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*"([a-z_]+)/', line)
        if include and include.group(1) in LAYERS and include.group(1) not in allowed:
            if not (include.group(1) == "bpf" and MAP_LAYOUT_READERS.match(file.path)):
                yield number, f"src/{file.layer} must not include src/{include.group(1)}"


def rule_map_layout(file):
    if not file.is_c or MAP_LAYOUT_READERS.match(file.path):
        return
    for number, line in enumerate(file.code.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s*["<]([^">]+)', line)
        if include and MAP_LAYOUT.search(include.group(1)):
            yield number, "the map layout is for src/bpf, src/shell/dataplane and tests/bpf only"


def rule_wall_clock(file):
    if file.layer not in ("shell", "daemon") or not file.is_c or file.is_test or file.path in WALL_CLOCK_READERS:
        return
    for number, line in enumerate(file.code.splitlines(), 1):
        if WALL_CLOCK.search(line):
            yield number, "the wall clock may be set at any time: use now()"


def rule_pure(file):
    if file.layer not in PURE or not file.is_c:
        return
    for number, line in enumerate(file.code.splitlines(), 1):
        if CLOCK.search(line):
            yield number, f"src/{file.layer} must not read a clock: have the time handed in"
        if file.layer != "core" or file.is_test:
            continue
        if CORE_INCLUDE.search(line):
            yield number, "src/core must not reach clocks, threads, errno, files, logs or chance"
        elif CORE_WORD.search(line):
            yield number, f"src/core must not use {CORE_WORD.search(line).group(1)}"


def rule_sleep(file):
    if file.layer is None or not file.is_c:
        return
    for number, line in enumerate(file.code.splitlines(), 1):
        if SLEEP.search(line):
            yield number, "sleeping: wait for the condition instead"


def rule_file_length(file):
    if not (file.is_c or file.suffix == ".py"):
        return
    excused = any(f"longer than {FILE_LINES} lines because" in line for line in file.lines[:40])
    excess = len(file.lines) > FILE_LINES
    if excess and not excused:
        yield len(file.lines), (f"{len(file.lines)} lines: split, or say at the top why the file is "
                                f"longer than {FILE_LINES} lines because of what")
    if excused and not excess:
        yield 1, f"no longer over {FILE_LINES} lines: drop the excuse"


def rule_function_length(file):
    if not (file.is_c or file.suffix == ".py"):
        return
    for first, last in functions(file):
        if last - first + 1 <= FUNCTION_LINES:
            continue
        around = file.lines[max(0, first - 6):last]
        if not any(f"longer than {FUNCTION_LINES} lines because" in line for line in around):
            yield first, f"function of {last - first + 1} lines (at most {FUNCTION_LINES})"


def rule_columns(file):
    if not (file.is_c or file.is_script or Path(file.path).name == "CMakeLists.txt"):
        return
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS:
            yield number, f"{len(line)} columns (at most {COLUMNS})"


def rule_text(file):
    leftover = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
    for number, line in enumerate(file.lines, 1):
        if "\t" in line and file.path != "debian/rules":  # make wants them
            yield number, "tab"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if leftover.search(line):
            yield number, f"left-over {leftover.search(line).group()}"
    if file.text and not file.text.endswith("\n"):
        yield len(file.lines), "no newline at the end"


def rule_head(file):
    """Files open with a comment that says what they are; a .cpp may leave that to its header or to what it tests."""
    if file.is_c:
        stem = (file.root / file.path).with_suffix("")
        if file.suffix == ".cpp":
            tested = stem.with_name(stem.name.removesuffix("_test"))
            if stem.with_suffix(".hpp").exists() or (tested != stem and tested.with_suffix(".hpp").exists()):
                return
        if file.text.strip() and not file.text.lstrip().startswith(("//", "/*")):
            yield 1, "does not open with a comment that says what it is for"
    elif file.is_script:
        lines = [line for line in file.lines if not line.startswith("#!") and line.strip()]
        if lines and not lines[0].startswith(("#", '"""', 'r"""')):
            yield 1, "does not open with a comment that says what it is for"


def rule_pragma(file):
    if file.suffix == ".hpp" and "#pragma once" not in file.lines:
        yield 1, "header without #pragma once"


def rule_licence(file):
    if (file.layer == "bpf" and file.is_c) or file.path.endswith(".bpf.c"):
        if not any("SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)" in line for line in file.lines[:3]):
            yield 1, "BPF code needs SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) in its first lines"


def rule_dead_file(file):
    if file.layer is None or file.suffix != ".cpp":
        return
    build = (file.root / file.path).parent / "CMakeLists.txt"
    if not build.exists() or not re.search(rf"\b{re.escape(Path(file.path).stem)}\b", build.read_text()):
        yield 1, "dead file: CMakeLists.txt beside it does not name it"


def rule_links(file):
    if file.suffix != ".md":
        return
    for number, line in enumerate(file.lines, 1):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if "://" not in target and not ((file.root / file.path).parent / target).exists():
                yield number, f"link to {target}, which does not exist"


RULES = [rule_layers, rule_map_layout, rule_wall_clock, rule_pure, rule_sleep, rule_file_length, rule_function_length,
         rule_columns, rule_text, rule_head, rule_pragma, rule_licence, rule_dead_file, rule_links]


def project_files(root):
    for path in sorted(Path(root).rglob("*")):
        parts = path.relative_to(root).parts
        skipped = any(part in SKIPPED for part in parts) or parts[0].startswith("build")
        if skipped or not path.is_file() or path.suffix not in TEXT_SUFFIXES or path.name == "LICENSE":
            continue
        if path.suffix == "" and not path.read_bytes()[:2] == b"#!":
            continue
        yield File(Path(root), "/".join(parts))


def breaches(root):
    """Every breach in the tree, as "path:line: text"."""
    return [f"{file.path}:{number}: {text}"
            for file in project_files(root) for rule in RULES for number, text in rule(file)]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = breaches(root)
    print("\n".join(found + [f"{len(found)} breaches of the house rules"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
