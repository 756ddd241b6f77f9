#!/bin/bash
# Static analysis: clang-tidy (what it looks for is in .clang-tidy) and cppcheck. Prints what they find, and how many
# sources were gone through; status 1 if anything was found. How it is done: scripts/lint.py.
#
#   scripts/lint.sh [FILE...]    all of src if none is said; IPMP_JOBS=N: N at a time
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
scripts/bootstrap.sh lint
cmake --preset release -DCMAKE_UNITY_BUILD=OFF >/dev/null  # a command for each source
ninja -C build ipmp_bpf_skeleton >/dev/null  # a header that sources include
exec /usr/bin/python3 scripts/lint.py "$@"
