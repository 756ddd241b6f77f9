// CHECK: an assertion that stays on in release builds. It is for bugs of ours only; anything a peer,
// an administrator or the kernel can cause is an expected failure and returned as a Result.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace ipmp {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    std::abort();
}

}  // namespace ipmp

#define IPMP_CHECK(condition) \
    ((condition) ? static_cast<void>(0) : ::ipmp::check_failed(#condition, __FILE__, __LINE__))
