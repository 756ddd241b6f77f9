// One ifconfig command line that configures something (R-CMD-1): words are carried out strictly from left to right,
// each by one request to the daemon, and the first failure ends the command with what came before applied.
//
// A CommandLine lives for one run: it knows the logical interface that words act on at the moment (`addif` moves it),
// and the address given last, which later netmask and broadcast words complete. It connects to the daemon, and starts
// it if need be, when the first word needs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/daemon_client.hpp"
#include "tools/ifconfig_words.hpp"

namespace ipmp {

class CommandLine {
  public:
    // `at_boot`: it says nothing, and addresses set up need not be in use yet when it returns.
    CommandLine(LogicalName name, Family family, std::vector<std::string> words, bool at_boot = false)
        : physical_(name.interface),
          named_logical_(name.number != 0),
          current_(std::move(name)),
          family_(family),
          words_(std::move(words)),
          at_boot_(at_boot) {}

    // Carries out all words. An error ends it; its text is for stderr.
    Result<void> run();

  private:
    using Outcome = Result<void>;

    Result<DaemonClient*> client();
    Result<CommandReply> call(const Command& command);
    Outcome plumbing(const std::string& action, const Command& command);
    Result<AddressWord> present_address();
    Outcome apply(const std::string& action, const Command& command);
    Outcome flag(SetFlags flags);
    Result<std::string> argument(const std::string& word);
    Outcome pre_scan();
    bool address_follows() const;
    Outcome word(const std::string& word);
    std::optional<Outcome> flag_word(const std::string& word);
    Outcome create_ipmp();
    Outcome plumb();
    Outcome group(const std::string& name);
    Outcome set_address(const std::string& text);
    Outcome netmask(const std::string& mask);
    Outcome broadcast(const std::string& text);
    Outcome add_logical(const std::string& text);
    Outcome remove_logical(const std::string& text);

    std::string physical_;
    bool named_logical_;  // the command names X:N
    LogicalName current_;
    Family family_;
    std::vector<std::string> words_;
    bool at_boot_;
    std::size_t next_ = 0;
    std::optional<std::uint8_t> netmask_length_;  // of the last `netmask` word, wherever it stands
    std::optional<AddressWord> last_address_;     // given by this command for `current_`
    std::optional<IpAddress> broadcast_;          // given before the address it is for
    bool address_was_set_ = false;
    std::optional<DaemonClient> client_;
};

}  // namespace ipmp
