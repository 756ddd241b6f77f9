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
#include "tools/ifconfig_grammar.hpp"
#include "tools/ifconfig_run.hpp"
#include "tools/ifconfig_words.hpp"

namespace ipmp {

class CommandLine {
  public:
    // What is to be shown goes into `output`, which must outlive it.
    CommandLine(LogicalName name, Family family, ToolRun& output, Addresses addresses, Daemon* daemon)
        : output_(output),
          physical_(name.interface),
          named_logical_(name.number != 0),
          current_(std::move(name)),
          family_(family),
          addresses_(addresses),
          daemon_(daemon) {}

    // Carries out all words; the exit code. An error ends it; its text is for stderr.
    Result<int> run(const std::vector<std::string>& words);

  private:
    using Outcome = Result<void>;
    enum class Words : std::uint8_t { usual, of_plumbing };  // how a refusal reads

    Result<Daemon*> client();
    Outcome request(const std::string& context, const Command& command, Words words = Words::usual);
    Outcome apply(const std::string& action, const Command& command);
    Outcome plumbing(const std::string& action, const Command& command);
    Outcome flag(SetFlags flags);

    // The interface as the daemon has it, and the address `current_` has got already.
    Result<PlumbedInterface> present_interface();
    Result<std::optional<AddressWord>> present_address();

    Outcome carry_out(const Step& step);
    Outcome carry_out_flag(Word word);
    bool address_follows() const;
    Outcome create_ipmp();
    Outcome plumb();
    Outcome group(const std::string& name);
    Outcome set_address(const std::string& text);
    Outcome destination(const std::string& text);
    Outcome netmask(const std::string& mask);
    Outcome default_netmask();
    Outcome broadcast(const std::string& text);
    Outcome subnet(const std::string& text);
    Outcome add_logical(const std::string& text);
    Outcome remove_logical(const std::string& text);

    // ifconfig_link_words.cpp
    Outcome mtu(const std::string& text);
    Outcome metric(const std::string& text);
    Outcome index(const std::string& text);
    Outcome ether(const std::vector<std::string>& arguments);
    Outcome usesrc(const std::string& text);
    Outcome token(const std::string& text);
    Outcome modules(const Step& step);
    Outcome policy(const std::string& name);
    Outcome isolate(bool isolate);
    Outcome configinfo();
    Result<std::uint32_t> wanted_index() const;

    ToolRun& output_;
    std::string physical_;
    bool named_logical_;  // the command names X:N
    LogicalName current_;
    Family family_;
    Addresses addresses_;
    ParsedLine line_;
    std::size_t next_ = 0;                     // step of line_ that comes next
    std::optional<AddressWord> last_address_;  // given by this command for `current_`
    std::optional<IpAddress> broadcast_;       // given before the address it is for
    bool address_was_set_ = false;
    bool length_was_given_ = false;  // of last_address_
    bool wants_default_netmask_ = false;
    int exit_code_ = 0;
    Daemon* daemon_;  // null: not connected yet
    std::optional<DaemonClient> client_;
};

}  // namespace ipmp
