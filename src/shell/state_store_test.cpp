// The state file on disks that fail: the last good one stays whatever happens, and the next save makes up for it.
#include "shell/state_store.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "wire/state_codec.hpp"

namespace ipmp {
namespace {

namespace fs = std::filesystem;

class Storing : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/state_store_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        root_ = name;
    }
    void TearDown() override { fs::remove_all(root_); }

    Paths paths() const { return Paths{root_.string()}; }
    fs::path file(const char* name) const { return fs::path(paths().run()) / name; }

    static State state_of(const std::string& group) {
        State state;
        state.groups[group].interface = group;
        return state;
    }

    fs::path root_;
};

// Files may not grow beyond so much while one of these lives: writing fails half-way, as on a full disk.
class SizeLimit {
  public:
    explicit SizeLimit(rlim_t bytes) {
        former_handler_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &former_);
        rlimit limit{bytes, former_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~SizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &former_);
        std::signal(SIGXFSZ, former_handler_);
    }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

  private:
    rlimit former_{};
    void (*former_handler_)(int);
};

TEST_F(Storing, R_POL_4_KeepsTheLastGoodStateWhileNoneCanBeWritten) {
    auto store = StateStore::open(paths());
    ASSERT_TRUE(store);
    State first = state_of("ipmp0"), second = state_of("ipmp1");
    ASSERT_TRUE(store->save(first));
    {
        SizeLimit half(encode_state(second).size() / 2);
        EXPECT_FALSE(store->save(second));
        EXPECT_FALSE(store->save(second));
    }
    EXPECT_FALSE(fs::exists(file("state.json.new"))) << "it would fill the disk further";
    auto loaded = store->load();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(*loaded, first);
    ASSERT_TRUE(store->save(second));
    loaded = store->load();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(*loaded, second);
}

TEST_F(Storing, R_POL_4_HoldsNothingOpenForWriting) {  // it would keep the disk from being remounted read-only
    auto store = StateStore::open(paths());
    ASSERT_TRUE(store && store->save(state_of("ipmp0")));
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        fs::path target = fs::read_symlink(entry.path(), ignored);
        if (target.string().starts_with(paths().run())) {
            struct stat link {};
            ASSERT_EQ(::lstat(entry.path().c_str(), &link), 0);
            EXPECT_FALSE(link.st_mode & S_IWUSR) << target;  // of the link: what the descriptor is open for
        }
    }
}

}  // namespace
}  // namespace ipmp
