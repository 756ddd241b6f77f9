// Packet tables: one row is a sentence, the frame that comes in, and what has to become of it. A table is a function
// that returns its rows, so that rows can be counted as well as run:
//
//   PACKET_TABLE(Steer, f_other_group_frames_have_one_way_up) {
//       return {{"broadcast", "under0", broadcast, kUp}, ...};
//   }
#pragma once

#include <functional>
#include <vector>

#include "bench.hpp"

namespace ipmp {

using Change = std::function<void(GroupImage&)>;

inline constexpr auto kUp = Verdict::redirect;
inline constexpr auto kPass = Verdict::pass;
inline constexpr auto kDrop = Verdict::drop;
inline const Bytes kNone{};

// All tables of one program, over all source files of the executable.
template <typename Case>
class Tables {
  public:
    using Make = std::vector<Case> (*)();
    static bool add(Make make) {
        all().push_back(make);
        return true;
    }
    static std::size_t count() {
        std::size_t rows = 0;
        for (Make make : all()) rows += make().size();
        return rows;
    }

  private:
    static std::vector<Make>& all() {
        static std::vector<Make> tables;
        return tables;
    }
};

struct SteerCase {
    std::string sentence;
    const char* link;
    Bytes in;
    Verdict verdict;
    std::string counter = {};  // empty: nothing is counted
    Change change = {};
    Context context = {};
};

struct SpreadCase {
    std::string sentence;
    Bytes in;
    Verdict verdict;
    Bytes out;
    std::string counter = {};
    Change change = {};
    Context context = {};
};

class PacketTable : public Bench {
  protected:
    template <typename Row>
    Outcome run_row(Filter filter, const char* link, const Row& row) {
        GroupImage image = base_image();
        if (row.change) row.change(image);
        apply(image);
        counted();
        Outcome outcome = run(filter, link, row.in, row.context);
        EXPECT_EQ(outcome.verdict, row.verdict);
        EXPECT_EQ(outcome.context.gso_size, row.context.gso_size);
        EXPECT_EQ(outcome.context.mark, row.context.mark);
        std::map<std::string, std::uint64_t> moved;
        if (!row.counter.empty()) moved[row.counter] = 1;
        EXPECT_EQ(counted(), moved);
        return outcome;
    }
};

class Steer : public PacketTable {
  protected:
    using Case = SteerCase;

    // The frame that goes up is the one that came in, with ipmp0's MAC where it was unicast; one that passes is
    // untouched.
    void check(const std::vector<Case>& cases) {
        for (const auto& test : cases) {
            SCOPED_TRACE(std::string(test.link) + ": " + test.sentence);
            Outcome outcome = run_row(Filter::steer, test.link, test);
            Bytes expected = test.in;
            if (test.verdict == Verdict::redirect && !(expected[0] & 1)) {
                std::copy(kUpperMac.bytes.begin(), kUpperMac.bytes.end(), expected.begin());
            }
            if (test.verdict != Verdict::drop) {
                EXPECT_EQ(outcome.frame, expected);
            }
        }
    }
};

// The NIC a frame leaves by is told by its source MAC: the program writes it from the same map value it redirects to.
class Spread : public PacketTable {
  protected:
    using Case = SpreadCase;

    void check(const std::vector<Case>& cases) {
        for (const auto& test : cases) {
            SCOPED_TRACE(test.sentence);
            Outcome outcome = run_row(Filter::spread, "ipmpl0", test);
            if (test.verdict == Verdict::redirect) {
                EXPECT_EQ(outcome.frame, test.out);
            }
        }
    }
};

#define PACKET_TABLE(fixture, name)                                  \
    std::vector<fixture##Case> name();                               \
    const bool name##_is_counted = Tables<fixture##Case>::add(name); \
    TEST_F(fixture, name) { check(ipmp::name()); }                   \
    std::vector<fixture##Case> name()

}  // namespace ipmp
