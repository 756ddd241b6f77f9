#include "tools/ifconfig_dhcp.hpp"

#include "tools/ifconfig_words.hpp"

namespace ipmp {

Result<int> run_dhcp_words(const LogicalName& name, Family, std::vector<std::string>, bool) {
    return Error{to_string(name) + ": dhcp: not supported yet"};
}

}  // namespace ipmp
