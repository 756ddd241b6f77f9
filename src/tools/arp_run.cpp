#include "tools/arp_run.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "render/ifconfig_text.hpp"
#include "tools/arp_grammar.hpp"
#include "tools/ifconfig_words.hpp"
#include "tools/ipmp_view.hpp"
#include "tools/netlink_client.hpp"

namespace ipmp {

namespace {

constexpr const char* kUsage =
    "usage: arp hostname\n"
    "       arp -a [-n]\n"
    "       arp -d hostname\n"
    "       arp -s hostname ether_address [temp] [pub] [trail] [permanent]\n"
    "       arp -f filename\n";

// One run: the entries it looks at, and what it says.
class Arp {
  public:
    explicit Arp(ToolRun& run) : run_(run) {}

    Result<void> open();
    void get(const std::string& host);
    void list(bool numeric);
    void set(const ArpEntry& entry);
    void set_all(const std::string& file);
    void remove(const std::string& host);

  private:
    void complain(const std::string& text) {
        run_.err += text + "\n";
        run_.exit_code = 1;
    }
    void no_entry(const std::string& host, const IpAddress& address) {
        complain(fmt::format("{} ({}) -- no entry", host, to_string(address)));
    }
    std::optional<IpAddress> address_of(const std::string& host);
    // The error number of a refusal, 0: entries of that address can be changed.
    int refusal(const IpAddress& address) const;
    Result<InterfaceIndex> link_towards(const IpAddress& address);
    Result<std::vector<TableNeighbour>> entries();

    ToolRun& run_;
    std::optional<IpmpView> view_;
    std::optional<NetlinkClient> kernel_;
};

std::string name_of(InterfaceIndex link) {
    char name[IF_NAMESIZE] = "";
    return if_indextoname(link.value, name) ? name : std::to_string(link.value);
}

std::string host_name(const IpAddress& address) {
    sockaddr_in socket_address{};
    socket_address.sin_family = AF_INET;
    std::memcpy(&socket_address.sin_addr, address.bytes.data(), 4);
    char name[NI_MAXHOST];
    int failed = getnameinfo(reinterpret_cast<const sockaddr*>(&socket_address), sizeof socket_address, name,
                             sizeof name, nullptr, 0, NI_NAMEREQD | NI_NOFQDN);
    return failed ? to_string(address) : name;
}

Result<void> Arp::open() {
    auto view = IpmpView::read();
    if (!view) return view.error();
    view_ = *std::move(view);
    auto kernel = NetlinkClient::open();
    if (!kernel) return kernel.error();
    kernel_.emplace(*std::move(kernel));
    return {};
}

std::optional<IpAddress> Arp::address_of(const std::string& host) {
    auto address = look_up_host(host, Family::ipv4);
    if (!address) complain("arp: " + host + ": unknown host");
    return address;
}

int Arp::refusal(const IpAddress& address) const {
    auto own = view_->find(address);
    if (!own) return 0;
    return own->ownership == Ownership::test ? EPERM : ENOTSUP;
}

// Where neighbours with that address are; the IPMP interface in place of one below it.
Result<InterfaceIndex> Arp::link_towards(const IpAddress& address) {
    std::optional<TableRoute> route;
    auto read = kernel_->read(encode_look_up(address), [&](MessageBytes bytes) { route = decode_table_route(bytes); });
    bool on_link = read && route && route->link && !route->gateway && !route->is_local;
    if (!on_link) return system_error("no interface leads there", ENXIO);
    return InterfaceIndex{if_nametoindex(view_->seen_as(name_of(*route->link)).c_str())};
}

Result<std::vector<TableNeighbour>> Arp::entries() {
    std::vector<TableNeighbour> all;
    auto take = [&](MessageBytes bytes) {
        if (auto entry = decode_table_neighbour(bytes)) all.push_back(*entry);
    };
    for (auto encode_dump : {encode_dump_table_neighbours, encode_dump_proxies}) {
        if (auto read = kernel_->read(encode_dump(Family::ipv4), take); !read) return read.error();
    }
    std::sort(all.begin(), all.end(), [](const TableNeighbour& a, const TableNeighbour& b) {
        return std::tie(a.link, a.address) < std::tie(b.link, b.address);
    });
    return all;
}

void Arp::get(const std::string& host) {
    auto address = address_of(host);
    if (!address) return;
    auto show = [&](const MacAddress& mac, const char* how) {
        run_.out += fmt::format("{} ({}) at {}{}\n", host, to_string(*address), ether_text(mac), how);
    };
    if (auto own = view_->find(*address)) {
        if (own->mac) return show(*own->mac, " permanent published");
        return no_entry(host, *address);
    }
    auto all = entries();
    if (!all) return complain("SIOCGXARP: " + all.error().text);
    for (const TableNeighbour& entry : *all) {
        if (entry.address != *address) continue;
        if (entry.mac) return show(*entry.mac, entry.permanent ? " permanent" : "");
        if (auto mac = view_->proxy_mac(name_of(entry.link), *address)) return show(*mac, " permanent published");
    }
    no_entry(host, *address);
}

void Arp::list(bool numeric) {
    constexpr const char* row = "{:<8} {:<20} {:<15} {:<8} {}\n";
    auto add = [&](const std::string& device, const IpAddress& address, const char* flags, const std::string& mac) {
        run_.out += fmt::format(fmt::runtime(row), device, numeric ? to_string(address) : host_name(address),
                                "255.255.255.255", flags, mac);
    };
    run_.out += "Net to Media Table: IPv4\n";
    run_.out += fmt::format(fmt::runtime(row), "Device", "IP Address", "Mask", "Flags", "Phys Addr");
    run_.out += fmt::format(fmt::runtime(row), std::string(8, '-'), std::string(20, '-'), std::string(15, '-'),
                            std::string(8, '-'), std::string(15, '-'));
    for (const OwnAddress& own : view_->own_addresses(Family::ipv4)) {
        if (own.mac) add(own.interface, own.address, "SPLA", ether_text(*own.mac));
    }
    auto all = entries();
    if (!all) return complain("SIOCGXARP: " + all.error().text);
    for (const TableNeighbour& entry : *all) {
        std::string device = name_of(entry.link);
        if (entry.mac) {
            add(device, entry.address, entry.permanent ? "S" : "", ether_text(*entry.mac));
            continue;
        }
        auto mac = view_->proxy_mac(device, entry.address);
        add(device, entry.address, "SP", mac ? ether_text(*mac) : "");
    }
}

// A proxy entry of Linux answers with the MAC of the interface, which is that of an active member on an IPMP interface.
void Arp::set(const ArpEntry& wanted) {
    auto address = address_of(wanted.host);
    if (!address) return;
    auto failed = [&](int error_number) { complain(wanted.host + ": " + std::strerror(error_number)); };
    if (int error_number = refusal(*address)) return failed(error_number);
    auto link = link_towards(*address);
    if (!link) return failed(link.error().error_number);
    TableNeighbour entry{.link = *link, .address = *address, .mac = wanted.mac, .permanent = !wanted.temporary};
    if (wanted.published) {
        auto macs = view_->proxy_macs(name_of(*link));
        bool can_be_published = std::find(macs.begin(), macs.end(), wanted.mac) != macs.end() && !wanted.temporary;
        if (!can_be_published) return failed(ENOTSUP);
        entry.mac.reset();
        entry.proxy = true;
    }
    if (auto changed = kernel_->change(encode_add(entry)); !changed) failed(changed.error().error_number);
}

void Arp::set_all(const std::string& file) {
    std::ifstream lines(file);
    if (!lines) return complain("arp: cannot open " + file);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream rest(line);
        std::vector<std::string> words;
        for (std::string word; rest >> word;) words.push_back(word);
        if (words.empty() || words[0].starts_with('#')) continue;
        if (words.size() < 2) {
            complain("arp: bad line: " + line);
        } else if (auto entry = parse_arp_entry(words)) {
            set(*entry);
        } else {
            complain("arp: " + entry.error().text);
        }
    }
}

void Arp::remove(const std::string& host) {
    auto address = address_of(host);
    if (!address) return;
    auto failed = [&](int error_number) { complain(std::string("SIOCDXARP: ") + std::strerror(error_number)); };
    if (int error_number = refusal(*address)) return failed(error_number);
    auto all = entries();
    if (!all) return failed(all.error().error_number);
    bool found = false;
    for (const TableNeighbour& entry : *all) {
        if (entry.address != *address) continue;
        auto removed = kernel_->change(encode_delete(entry));
        if (!removed && removed.error().error_number != ENOENT) return failed(removed.error().error_number);
        found = true;
    }
    if (!found) return no_entry(host, *address);
    run_.out += fmt::format("{} ({}) deleted\n", host, to_string(*address));
}

}  // namespace

ToolRun run_arp(const std::vector<std::string>& words) {
    ToolRun run;
    auto line = parse_arp_line(words);
    if (!line) return {1, "", line.error().text.empty() ? kUsage : "arp: " + line.error().text + "\n"};
    Arp arp(run);
    if (auto opened = arp.open(); !opened) return {1, "", "arp: " + opened.error().text + "\n"};
    switch (line->verb) {
        case ArpVerb::get: arp.get(line->operand); break;
        case ArpVerb::list: arp.list(line->numeric); break;
        case ArpVerb::set: arp.set(line->entry); break;
        case ArpVerb::remove: arp.remove(line->operand); break;
        case ArpVerb::set_all: arp.set_all(line->operand); break;
    }
    return run;
}

}  // namespace ipmp
