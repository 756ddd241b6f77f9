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

// `path`: from setting_path(). ENOENT also where the family is missing.
UniqueFd open_setting(const NamespaceFiles& files, const std::string& path, int flags) {
    auto slash = path.find('/');
    const UniqueFd& family = path.substr(0, slash) == "ipv6" ? files.settings_ipv6 : files.settings_ipv4;
    errno = ENOENT;
    if (!family || slash == std::string::npos) return {};
    return UniqueFd(::openat(family.get(), path.c_str() + slash + 1, flags | O_CLOEXEC | O_NOFOLLOW));
}

std::optional<std::string> read_text(const UniqueFd& file) {
    if (!file) return {};
    std::array<char, 4096> buffer;
    ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
    if (size < 0) return {};
    std::string text(buffer.data(), static_cast<std::size_t>(size));
    text.erase(text.find_last_not_of(" \n") + 1);
    return text;
}

// As people and programs set it (`ip link set … allmulticast on`), not what the kernel opens for its own purposes.
std::optional<std::string> read_all_multicast(const UniqueFd& links, const std::string& link_name) {
    ifreq request{};
    if (link_name.size() >= sizeof request.ifr_name) return {};
    link_name.copy(request.ifr_name, link_name.size());
    if (::ioctl(links.get(), SIOCGIFFLAGS, &request) < 0) return {};
    return (request.ifr_flags & IFF_ALLMULTI) != 0 ? "1" : "0";
}

}  // namespace

Result<NamespaceFiles> NamespaceFiles::open(const NetworkPlaces& places, Place place) {
    NamespaceFiles files;
    auto links = places.open_in(place, Opening::links);
    if (!links) return links.error();
    files.links = *std::move(links);
    for (auto [what, file] : {std::pair{Opening::settings_ipv4, &files.settings_ipv4},
                              {Opening::settings_ipv6, &files.settings_ipv6},
                              {Opening::ipv6, &files.ipv6}}) {
        if (auto opened = places.open_in(place, what)) *file = *std::move(opened);
    }
    return files;
}

Result<std::string> name_of_link(const UniqueFd& links, InterfaceIndex link) {
    ifreq request{};
    request.ifr_ifindex = static_cast<int>(link.value);
    if (::ioctl(links.get(), SIOCGIFNAME, &request) < 0) return system_error("finding the link's name");
    return std::string(request.ifr_name);
}

Result<std::string> setting_path(const std::string& setting, const std::string& link_name) {
    if (!is_plain_component(link_name) || link_name == "all" || link_name == "default")
        return Error{"refusing settings of a link named \"" + link_name + "\"", EINVAL};
    std::string path = setting;
    if (auto star = path.find('*'); star != std::string::npos) path.replace(star, 1, link_name);
    if (!is_plain_path(path)) return Error{"refusing setting \"" + setting + "\"", EINVAL};
    return path;
}

Settings read_settings(const NamespaceFiles& files, const std::vector<std::string>& names,
                       const std::string& link_name) {
    Settings settings;
    for (const auto& name : names) {
        if (name == kAllMulticast) {
            if (auto text = read_all_multicast(files.links, link_name)) settings[name] = std::move(*text);
            continue;
        }
        auto path = setting_path(name, link_name);
        if (!path) continue;
        if (auto text = read_text(open_setting(files, *path, O_RDONLY))) settings[name] = std::move(*text);
    }
    return settings;
}

Result<void> write_setting(const NamespaceFiles& files, InterfaceIndex link, const std::string& setting,
                           const std::string& value) {
    auto name = name_of_link(files.links, link);
    if (!name) return name.error();
    auto path = setting_path(setting, *name);
    if (!path) return path.error();
    UniqueFd file = open_setting(files, *path, O_WRONLY);
    if (!file) return system_error("opening " + *path);
    if (::write(file.get(), value.data(), value.size()) < 0) return system_error("writing " + value + " to " + *path);
    return {};
}

}  // namespace ipmp
