#include "shell/link_settings.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string_view>

#include "base/unique_fd.hpp"

namespace ipmp {

namespace {

bool is_plain_component(std::string_view component) {
    return !component.empty() && component != "." && component != ".." &&
           component.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

bool is_plain_path(std::string_view path) {
    while (true) {
        auto slash = path.find('/');
        if (!is_plain_component(path.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

std::optional<std::string> read_text(const std::string& path) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return {};
    std::array<char, 4096> buffer;
    ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0) return {};
    std::string text(buffer.data(), static_cast<std::size_t>(size));
    text.erase(text.find_last_not_of(" \n") + 1);
    return text;
}

// As people and programs set it (`ip link set … allmulticast on`), not what the kernel opens for its own purposes.
std::optional<std::string> read_all_multicast(const std::string& link_name) {
    ifreq request{};
    UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || link_name.size() >= sizeof request.ifr_name) return {};
    link_name.copy(request.ifr_name, link_name.size());
    if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) < 0) return {};
    return (request.ifr_flags & IFF_ALLMULTI) != 0 ? "1" : "0";
}

}  // namespace

Result<std::string> name_of_link(InterfaceIndex link) {
    char name[IF_NAMESIZE];
    if (!::if_indextoname(link.value, name))
        return system_error("finding the link's name", errno == ENXIO ? ENODEV : errno);
    return std::string(name);
}

Result<std::string> setting_path(const std::string& setting, const std::string& link_name) {
    if (!is_plain_component(link_name) || link_name == "all" || link_name == "default")
        return Error{"refusing settings of a link named \"" + link_name + "\"", EINVAL};
    std::string path = setting;
    if (auto star = path.find('*'); star != std::string::npos) path.replace(star, 1, link_name);
    if (!is_plain_path(path)) return Error{"refusing setting \"" + setting + "\"", EINVAL};
    return "/proc/sys/net/" + path;
}

Settings read_settings(const std::vector<std::string>& names, const std::string& link_name) {
    Settings settings;
    for (const auto& name : names) {
        if (name == kAllMulticast) {
            if (auto text = read_all_multicast(link_name)) settings[name] = std::move(*text);
            continue;
        }
        auto path = setting_path(name, link_name);
        if (!path) continue;
        if (auto text = read_text(*path)) settings[name] = std::move(*text);
    }
    return settings;
}

Result<void> write_setting(InterfaceIndex link, const std::string& setting, const std::string& value) {
    auto name = name_of_link(link);
    if (!name) return name.error();
    auto path = setting_path(setting, *name);
    if (!path) return path.error();
    UniqueFd file(::open(path->c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return system_error("opening " + *path);
    if (::write(file.get(), value.data(), value.size()) < 0) return system_error("writing " + value + " to " + *path);
    return {};
}

}  // namespace ipmp
