#include "tools/native_run.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "tools/daemon_client.hpp"
#include "tools/ifconfig_words.hpp"
#include "tools/native_adm.hpp"
#include "tools/native_grammar.hpp"
#include "tools/native_plan.hpp"
#include "tools/native_show.hpp"
#include "tools/status_json.hpp"
#include "tools/status_lookup.hpp"
#include "tools/stranded_rules.hpp"

namespace ipmp {

namespace {

constexpr int kWrongUsage = 2;

class NativeRun {
  public:
    NativeRun(ToolRun& output, Daemon* daemon) : output_(output), daemon_(daemon) {}

    Result<void> run(const NativeLine& line) {
        for (const NativeRequest& request : line.requests) {
            const Show* show = std::get_if<Show>(&request);
            auto outcome = show ? this->show(*show, line.as_json) : change(request);
            if (!outcome) return outcome;
        }
        if (line.tells_object) return tell_object(line);
        bool is_show = std::holds_alternative<Show>(line.requests[0]);
        if (line.as_json && !is_show) output_.out += json_line({{"changed", changed_}});
        return {};
    }

  private:
    Result<Status> status(bool starts_daemon) {
        if (!daemon_) {
            Paths paths = Paths::from_environment();
            auto connected = starts_daemon ? DaemonClient::connect_or_start(paths) : DaemonClient::connect(paths);
            if (!connected && !starts_daemon) return Error{"cannot contact in.mpathd -- is IPMP in use?"};
            if (!connected) return connected.error();
            daemon_ = &client_.emplace(std::move(*connected));
        }
        auto status = daemon_->status();
        if (!status) return status.error().within("cannot get the status");
        return status;
    }

    Result<void> show(const Show& show, bool as_json) {
        auto now = status(false);
        if (!now) return now.error();
        auto text = show_text(*std::move(now), show, as_json);
        if (!text) return text.error();
        output_.out += *text;
        return {};
    }

    Result<void> change(const NativeRequest& request) {
        auto now = status(true);
        if (!now) return now.error();
        auto steps = plan_native(*now, request);
        if (!steps) return steps.error();
        std::optional<LogicalName> logical;  // made by a step before
        for (std::size_t done = 0; done < steps->size(); ++done) {
            auto outcome = carry_out((*steps)[done], logical);
            if (outcome) continue;
            while (done-- > 0 && !(*steps)[done].joins) take_back((*steps)[done]);  // what has joined stays
            return outcome;
        }
        changed_ = changed_ || !steps->empty();
        for (const NativeStep& step : *steps) {
            if (step.joins) warn_of_stranded(step.about);
        }
        return {};
    }

    Result<void> carry_out(const NativeStep& step, std::optional<LogicalName>& logical) {
        Command command = step.command;
        SetFlags* flags = std::get_if<SetFlags>(&command);
        if (flags && logical) flags->logical = *std::exchange(logical, std::nullopt);
        auto reply = daemon_->call(command);
        if (!reply && reply.error().error_number == EPERM) return Error{step.about + ": permission denied"};
        if (!reply) return reply.error().within(step.about);
        if (reply->error != CommandError::none) {
            std::string text = reply->text.empty() ? "refused" : reply->text;
            return Error{text.starts_with(step.about + ":") ? text : step.about + ": " + text};
        }
        if (!step.makes_logical) return {};
        logical = parse_logical_name(reply->detail);
        if (!logical) return Error{step.about + ": in.mpathd gave no name for a logical interface"};
        return {};
    }

    // The refusal that made it necessary is what is told; this one's changes nothing about it.
    void take_back(const NativeStep& step) {
        if (!step.undo) return;
        auto reply = daemon_->call(*step.undo);
        std::string problem = !reply ? reply.error().text : reply->text;
        bool undone = reply && reply->error == CommandError::none;
        if (!undone) output_.err += "ipmp: warning: " + step.about + ": cannot take back a step: " + problem + "\n";
    }

    void warn_of_stranded(const std::string& nic) {
        if (!client_) return;  // a daemon of somebody else's: its rules are not those of this host
        for (const std::string& line : stranded_by_join(nic)) output_.err += "ipmp: warning: " + line + "\n";
    }

    Result<void> tell_object(const NativeLine& line) {
        const auto& made = std::get<AddressAdd>(line.requests[0]);
        auto now = status(false);
        if (!now) return now.error();
        const GroupStatus* group = group_called(*now, made.interface);
        const std::string& interface = group ? group->interface : made.interface;
        const PlumbedInterface* plumbed = plumbed_called(*now, interface);
        Family family = made.prefix.address.family;
        if (!plumbed || !family_of(*plumbed, family)) return {};
        for (const LogicalStatus& logical : family_of(*plumbed, family)->logicals) {
            if (logical.address != made.prefix.address) continue;
            std::string object = address_object({interface, logical.number}, family);
            output_.out += line.as_json ? json_line({{"changed", changed_}, {"object", object}}) : object + "\n";
        }
        return {};
    }

    ToolRun& output_;
    Daemon* daemon_;
    std::optional<DaemonClient> client_;
    bool changed_ = false;
};

}  // namespace

ToolRun run_native(const std::vector<std::string>& words, Daemon* daemon) {
    ToolRun run;
    auto line = parse_native_line(words);
    if (!line) return {kWrongUsage, "", "ipmp: " + line.error().text + "\n"};
    if (!line->help.empty()) return {0, line->help, ""};
    auto outcome = NativeRun(run, daemon).run(*line);
    if (outcome) return run;
    run.err += "ipmp: " + outcome.error().text + "\n";
    run.exit_code = 1;
    return run;
}

}  // namespace ipmp
