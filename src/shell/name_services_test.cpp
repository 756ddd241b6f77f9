// Name servers on their way to resolvconf, for which a script stands in (R-DHC-1).
#include "shell/name_services.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "shell/log.hpp"

namespace ipmp {
namespace {

namespace fs = std::filesystem;

class NameServiceTableTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/name_services_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        root_ = name;
        std::string program = (root_ / "resolvconf").string();
        auto helper = ProgramHelper::start({.attach = "", .dhcp_client = "", .resolvconf = program});
        ASSERT_TRUE(helper) << helper.error().text;
        helper_.emplace(*std::move(helper));
        auto created = NameServiceTable::create(program, *helper_);
        ASSERT_TRUE(created);
        table_ = std::make_unique<NameServiceTable>(std::move(*created));
    }
    void TearDown() override { fs::remove_all(root_); }

    void install(const std::string& script) {
        std::ofstream(root_ / "resolvconf") << "#!/bin/sh\n" << script << "\n";
        fs::permissions(root_ / "resolvconf", fs::perms::owner_all);
    }
    void install_recorder() {
        std::string told = (root_ / "told").string();
        install("echo $0 $* | sed s,.*/,, >>" + told + "; cat >>" + told);
    }
    void run_to_the_end() {
        pollfd wait{table_->event_fd(), POLLIN, 0};
        while (!table_->idle() && poll(&wait, 1, 10000) > 0) table_->progress();
        EXPECT_TRUE(table_->idle());
    }
    std::string told() {
        std::ifstream file(root_ / "told");
        return {std::istreambuf_iterator<char>(file), {}};
    }

    fs::path root_;
    std::optional<ProgramHelper> helper_;
    std::unique_ptr<NameServiceTable> table_;
};

const NameService kNames{{*parse_ip("192.0.2.53"), *parse_ip("fd00::53")}, {"example.org", "example.net"}};

TEST_F(NameServiceTableTest, R_DHC_1_WhatIsLeasedIsToldAndTakenBack) {
    install_recorder();
    table_->set({"ipmp0.dhcp", kNames});
    run_to_the_end();
    table_->set({"ipmp0.dhcp", {}});
    run_to_the_end();
    EXPECT_EQ(told(),
              "resolvconf -a ipmp0.dhcp\nsearch example.org example.net\nnameserver 192.0.2.53\nnameserver fd00::53\n"
              "resolvconf -d ipmp0.dhcp\n");
}

TEST_F(NameServiceTableTest, R_DHC_1_TheLastWordOnEachSourceCounts) {
    install_recorder();
    table_->set({"ipmp0.dhcp", {{*parse_ip("192.0.2.1")}, {}}});  // is being told
    table_->set({"ipmp1.dhcp", kNames});
    table_->set({"ipmp1.dhcp", {}});
    table_->set({"ipmp0.dhcp", {{*parse_ip("192.0.2.2")}, {}}});
    run_to_the_end();
    EXPECT_EQ(told(),
              "resolvconf -a ipmp0.dhcp\nnameserver 192.0.2.1\nresolvconf -a ipmp0.dhcp\nnameserver 192.0.2.2\n"
              "resolvconf -d ipmp1.dhcp\n");
}

TEST_F(NameServiceTableTest, R_DHC_1_WithoutTheProgramNothingHappens) {
    testing::internal::CaptureStderr();
    table_->set({"ipmp0.dhcp", kNames});
    table_->set({"ipmp1.dhcp", kNames});
    EXPECT_TRUE(table_->idle());
    std::string said = testing::internal::GetCapturedStderr();
    std::string text = "ignoring name servers of DHCP leases: " + (root_ / "resolvconf").string() + " is not there";
    std::size_t first = said.find(text);
    EXPECT_NE(first, std::string::npos) << said;
    EXPECT_EQ(said.find(text, first + 1), std::string::npos) << "it is told once";
}

TEST_F(NameServiceTableTest, R_DHC_1_MoreThanAResolverCouldUseIsIgnored) {
    install_recorder();
    NameService many = kNames;
    many.domains.assign(1000, "example.org");
    testing::internal::CaptureStderr();
    table_->set({"ipmp0.dhcp", many});
    EXPECT_TRUE(table_->idle());
    EXPECT_NE(testing::internal::GetCapturedStderr().find("ignoring name servers of ipmp0.dhcp: too many"),
              std::string::npos);
}

TEST_F(NameServiceTableTest, R_DHC_1_AFailureIsToldAndStopsNoOther) {
    install("echo broken; exit 3");
    testing::internal::CaptureStderr();
    table_->set({"ipmp0.dhcp", kNames});
    run_to_the_end();
    const char* text = "resolvconf failed, ignoring name servers of ipmp0.dhcp: broken";
    EXPECT_NE(testing::internal::GetCapturedStderr().find(text), std::string::npos);
    install_recorder();
    table_->set({"ipmp0.dhcp", kNames});
    run_to_the_end();
    EXPECT_NE(told(), "");
}

}  // namespace
}  // namespace ipmp
