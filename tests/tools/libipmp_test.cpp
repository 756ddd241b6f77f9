// The library's changes against a daemon with canned answers; tests/netns/test_libipmp.py has it with the real one.
#include <ipmp/ipmp.h>

#include "tools_fixture.hpp"

namespace ipmp {
namespace {

class LibipmpTest : public ToolsTest {
  protected:
    void SetUp() override {
        ToolsTest::SetUp();
        setenv("IPMP_ROOT", root_.c_str(), 1);
        ASSERT_EQ(ipmp_open(&handle_), IPMP_SUCCESS);
        serve();
    }
    void TearDown() override {
        ipmp_close(handle_);
        unsetenv("IPMP_ROOT");
        ToolsTest::TearDown();
    }
    ipmp_handle_t* handle_ = nullptr;
};

TEST_F(LibipmpTest, AChangeThatCouldNotBeSavedSucceedsAndIsTold_R_VIS_2) {
    EXPECT_STREQ(ipmp_unsaved(handle_), "");
    CommandReply unsaved;
    unsaved.unsaved = "cannot save its state: No space left on device";
    respond_ = [&](const Command&) { return unsaved; };
    EXPECT_EQ(ipmp_offline(handle_, "eth0", 1), IPMP_SUCCESS);
    EXPECT_STREQ(ipmp_unsaved(handle_), "cannot save its state: No space left on device");
    EXPECT_EQ(ipmp_ping_daemon(handle_), IPMP_SUCCESS);
    EXPECT_STREQ(ipmp_unsaved(handle_), "cannot save its state: No space left on device") << "until the next change";
    respond_ = [](const Command&) { return CommandReply{}; };
    EXPECT_EQ(ipmp_undo_offline(handle_, "eth0"), IPMP_SUCCESS);
    EXPECT_STREQ(ipmp_unsaved(handle_), "");

    respond_ = [&](const Command&) { return unsaved; };
    EXPECT_EQ(ipmp_undo_offline(handle_, "eth0"), IPMP_SUCCESS);
    daemon_.reset();
    EXPECT_EQ(ipmp_offline(handle_, "eth0", 1), IPMP_ENOMPATHD);
    EXPECT_STREQ(ipmp_unsaved(handle_), "") << "what failed changed nothing";
    EXPECT_STREQ(ipmp_unsaved(nullptr), "");
}

}  // namespace
}  // namespace ipmp
