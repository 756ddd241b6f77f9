// /etc/hostname.IF: whatever it holds, plans come out of it, and what is left of a line a second time is less.
#include "base/check.hpp"
#include "tools/boot_plan.hpp"

namespace {

std::size_t words_in(const std::vector<ipmp::BootStage>& stages) {
    std::size_t count = 0;
    for (const ipmp::BootStage& stage : stages) {
        for (const ipmp::BootStep& step : stage.steps) {
            IPMP_CHECK(!step.words.empty());
            count += step.words.size();
        }
    }
    return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ipmp;
    std::string_view content(reinterpret_cast<const char*>(data), size);
    BootInput input{{}, {"eth0"}, [](const std::string& text, Family family) -> std::optional<IpAddress> {
                        auto address = parse_ip(text.substr(0, text.find('/')));
                        return address && address->family == family ? address : std::nullopt;
                    }};
    for (Family family : kFamilies) {
        for (const char* name : {"eth0", "eth1"}) {
            input.files.hostname[index_of(family)][name] = parse_hostname_file(content);
        }
    }
    Status status;
    std::size_t all = words_in(plan_creation(input, status)) + words_in(plan_configuration(input, status, {}));
    plan_attachment(input, "eth0", status);
    Missing missing{std::set<std::string>{"eth1"}, std::set<std::string>{"eth1"}};
    PlumbedInterface shown{.name = "eth0"};
    for (Family family : kFamilies) {
        PlumbedFamily half;
        for (const BootStep& step : plan_moves(input, family, status, missing).steps) {
            if (step.words[0] != "addif") continue;
            auto address = input.resolve(step.words[1], family);
            if (address) half.logicals.push_back({.address = *address});
        }
        (family == Family::ipv4 ? shown.inet : shown.inet6) = half;
    }
    status.plumbed = {shown};
    IPMP_CHECK(words_in(plan_configuration(input, status, {})) <= all);
    return 0;
}
