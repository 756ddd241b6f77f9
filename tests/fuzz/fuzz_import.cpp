// `ipmp import`: whatever is in a file of any kind, what is made of it are files that boot understands, under paths
// that are theirs, and remarks and refusals are single lines.
#include "base/check.hpp"
#include "tools/hostname_file.hpp"
#include "tools/import.hpp"

namespace {

bool is_one_line(const std::string& text) {
    for (char c : text) {
        if (static_cast<unsigned char>(c) < ' ') return false;
    }
    return !text.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ipmp;
    if (size == 0) return 0;
    const char* const kNames[] = {"interfaces", "a.netdev", "a.network", "a.nmconnection", "team.conf"};
    std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
    // The rest describes ports of what the first may describe.
    std::vector<ImportText> texts{{kNames[data[0] % 5], content}};
    if (data[0] & 0x80) texts.push_back({"b.network", "[Match]\nName=eth0\n[Network]\nBond=bond0\n"});
    for (ImportStyle style : {ImportStyle::hostname, ImportStyle::ifupdown}) {
        auto made = import_aggregates(texts, style);
        if (!made) {
            IPMP_CHECK(is_one_line(made.error().text));
            continue;
        }
        for (const std::string& remark : made->remarks) IPMP_CHECK(is_one_line(remark));
        for (const ImportText& file : made->files) {
            bool is_etc = file.name.starts_with("/etc/") && file.name.find("..") == std::string::npos;
            bool is_interfaces = file.name == "/etc/network/interfaces";
            IPMP_CHECK(is_etc && (is_interfaces || file.name.find('/', 5) == std::string::npos));
            if (style == ImportStyle::hostname) IPMP_CHECK(parse_hostname_file(file.content).problems.empty());
        }
    }
    return 0;
}
