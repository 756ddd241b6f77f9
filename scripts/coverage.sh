#!/bin/bash
# How much of the deciding code, src/core, is reached by its unit tests and the simulator: lines and branches, by file.
#
#   scripts/coverage.sh [SEEDS]    seeds of the simulator; 1000 if not said
#
# A branch counts if it can be reached without an exception (core throws none, its containers could for want of memory)
# and is not the failure of an assertion (IPMP_CHECK), which no test can reach.
# What no test reached, line by line: build/coverage/core.html.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
scripts/bootstrap.sh coverage

seeds=${1:-1000}
tests=()
for source in src/core/*_test.cpp src/core/probing/*_test.cpp tests/sim/*_test.cpp; do
    tests+=("$(basename "$source" .cpp)")
done
cmake --preset coverage >/dev/null
cmake --build --preset coverage --target ipmp_sim "${tests[@]}" >build/coverage/build.log
find build/coverage -name '*.gcda' -delete

for test in "${tests[@]}"; do
    "build/coverage/tests/$test" >build/coverage/run.log || { cat build/coverage/run.log >&2; exit 1; }
done
build/coverage/tests/ipmp_sim --seed 1 --count "$seeds" --jobs "$(nproc)" --replay tests/sim/seeds.txt
gcovr --root . --filter src/core/ --exclude '.*_(test\.cpp|fixture\.hpp)' \
    --exclude-throw-branches --exclude-unreachable-branches --exclude-branches-by-pattern '.*IPMP_CHECK\(.*' \
    --print-summary --branches --html-details build/coverage/core.html --txt build/coverage/core.txt build/coverage
cat build/coverage/core.txt
