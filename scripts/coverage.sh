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
mkdir -p build/coverage
cmake --preset coverage >/dev/null
# The programs that have tests of core or the simulator in them: one for each file, or one for each folder.
mapfile -t tests < <(for source in src/core/*_test.cpp src/core/probing/*_test.cpp tests/sim/*_test.cpp; do
    basename "$source" .cpp
    echo "$(basename "$(dirname "$source")")_test"
done | sort -u | grep -xFf - <(ninja -C build/coverage -t targets all | sed 's/:.*//'))
cmake --build --preset coverage --target ipmp_sim "${tests[@]}" >build/coverage/build.log
find build/coverage -name '*.gcda' -delete

for test in "${tests[@]}"; do
    "build/coverage/tests/$test" >build/coverage/run.log || { cat build/coverage/run.log >&2; exit 1; }
done
# Processes of one swarm (--jobs) end without writing what they counted; those of several do write, and add up.
share=$((seeds / $(nproc) + 1))
pids=()
for ((job = 0; job < $(nproc); ++job)); do
    build/coverage/tests/ipmp_sim --seed $((1 + job * share)) --count "$share" >/dev/null &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
build/coverage/tests/ipmp_sim --seed 1 --count 1 --replay tests/sim/seeds.txt
gcovr --root . --filter src/core/ --exclude '.*_(test\.cpp|fixture\.hpp)' \
    --exclude-throw-branches --exclude-unreachable-branches --exclude-branches-by-pattern '.*IPMP_CHECK\(.*' \
    --print-summary --branches --html-details build/coverage/core.html --txt build/coverage/core.txt \
    build/coverage/src/core build/coverage/tests/sim
cat build/coverage/core.txt
