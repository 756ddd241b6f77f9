#!/bin/bash
# Unit tests of base, model, core and wire under valgrind's memcheck: reads of what nobody wrote, which the sanitizers
# of ./check do not see, and all memory freed. Prints what fails; status 1 if anything does.
#
#   scripts/memcheck.sh [BUILD]    a built tree; build if not said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
scripts/bootstrap.sh memcheck

build=${1:-build}
cmake --build "$build" --target unit_tests >/dev/null
log=build/logs/memcheck-run.log
mkdir -p build/logs
failed=0 count=0
shopt -s nullglob
for source in src/{base,model,core,core/probing,wire}/*_test.cpp; do
    test=$build/tests/$(basename "$source" .cpp)
    ((++count))
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
        "$test" --gtest_brief=1 >"$log" 2>&1 && continue
    echo "$test:"
    cat "$log"
    ((++failed))
done
echo "$count programs under valgrind, $failed failed"
((failed == 0))
