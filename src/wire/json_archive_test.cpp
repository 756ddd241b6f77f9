#include "wire/json_archive.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace ipmp::wire {
namespace {

TEST(ParseJson, NestingIsBounded) {
    EXPECT_EQ(parse_json("[[[1]]]", 3), (Json{{{1}}}));
    EXPECT_FALSE(parse_json("[[[1]]]", 2));
    EXPECT_EQ(parse_json(R"([{"a":[1]},{"b":[2]}])", 3), (Json{{{"a", {1}}}, {{"b", {2}}}}));
    EXPECT_FALSE(parse_json(R"([{"a":[1]},{"b":[{}]}])", 3));
    EXPECT_FALSE(parse_json(std::string(1 << 20, '['), 8));
}

TEST(ParseJson, BracketsInStringsAreText) {
    EXPECT_EQ(parse_json(R"(["[[{","\"[[{","\\"])", 1), (Json{"[[{", "\"[[{", "\\"}));
    EXPECT_FALSE(parse_json(R"(["]]",["\\",[]]])", 2));
}

TEST(ParseJson, WhatIsNotJsonIsNothing) {
    for (const char* text : {"", "]", "[", "\"", "\"\\", "[1,]", "{\"a\"}", "nul", "[]]", "\xff"})
        EXPECT_FALSE(parse_json(text, 8)) << text;
}

}  // namespace
}  // namespace ipmp::wire
