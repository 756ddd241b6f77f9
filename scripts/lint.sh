#!/bin/bash
# Static analysis of src: clang-tidy (what it looks for is in .clang-tidy) and cppcheck. Prints what they find; status 1
# if that is anything. Takes the compiler's own flags from build/compile_commands.json, so the tree must be configured.
#
#   scripts/lint.sh [FILE...]    all of src if none is said; IPMP_JOBS=N: N at a time
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8
scripts/bootstrap.sh lint

jobs=${IPMP_JOBS:-$(nproc)}
files=("$@")
if ((${#files[@]} == 0)); then
    mapfile -t files < <(find src -name '*.cpp' ! -name '*_test.cpp' | sort)
fi
status=0
# What clang-tidy says on standard error counts warnings that it does not show.
printf '%s\n' "${files[@]}" | xargs -P "$jobs" -n 4 clang-tidy-14 --quiet -p build 2>/dev/null || status=1

# What cppcheck 2.10 has wrong, each with the only place where it says so; everything else counts.
suppressions=(
    passedByValue                                                        # of a number or two: cheaper than a reference
    'danglingLifetime:src/core/engine.cpp'                               # a vector copies what iterators show
    'nullPointerRedundantCheck:src/core/commands_link.cpp'               # `plumbed` implies it
    'identicalConditionAfterEarlyExit:src/tools/daemon_client.cpp'       # a Result is no bool
    'identicalConditionAfterEarlyExit:src/tools/save.cpp'                # likewise
    'missingReturn:src/tools/dhcp_client.cpp'                            # _exit() does not return
    'returnStdMoveLocal:src/tools/ifconfig_command.cpp'                  # moves a part, not a local object
)
cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr \
    --error-exitcode=1 --library=posix -j "$jobs" -I src --suppress=missingIncludeSystem \
    --suppress=unmatchedSuppression "${suppressions[@]/#/--suppress=}" "${files[@]}" || status=1
exit $status
