// What the decoders of wire/rtnetlink_* share: a message whose lengths have been checked, and readers of its
// attributes. Nothing here trusts a byte it was given.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "wire/rtnetlink_decode.hpp"

namespace ipmp {

inline constexpr std::size_t kMaxMessageBytes = 1 << 24;  // keeps every length below what libmnl's int can hold

// A message whose header says a length that is really there, and a type from `types`; at an aligned place.
class Message {
  public:
    Message(MessageBytes bytes, std::initializer_list<std::uint16_t> types, std::size_t family_header_bytes)
        : family_header_bytes_(MNL_ALIGN(family_header_bytes)) {
        if (bytes.size() < sizeof(nlmsghdr) || bytes.size() > kMaxMessageBytes) return;
        if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(nlmsghdr) != 0) {
            aligned_copy_.assign(bytes.begin(), bytes.end());
            bytes = aligned_copy_;
        }
        auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data());
        if (!mnl_nlmsg_ok(header, static_cast<int>(bytes.size()))) return;
        if (header->nlmsg_len > bytes.size()) return;  // libmnl compares it as a signed number
        if (header->nlmsg_len < sizeof(nlmsghdr) + family_header_bytes_) return;
        if (std::find(types.begin(), types.end(), header->nlmsg_type) == types.end()) return;
        header_ = header;
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    explicit operator bool() const { return header_ != nullptr; }
    const nlmsghdr& header() const { return *header_; }

    template <typename FamilyHeader>
    const FamilyHeader& family_header() const {
        return *static_cast<const FamilyHeader*>(mnl_nlmsg_get_payload(header_));
    }
    const void* attributes() const { return mnl_nlmsg_get_payload_offset(header_, family_header_bytes_); }
    std::size_t attributes_bytes() const { return header_->nlmsg_len - sizeof(nlmsghdr) - family_header_bytes_; }

  private:
    std::vector<std::uint8_t> aligned_copy_;
    std::size_t family_header_bytes_;
    const nlmsghdr* header_ = nullptr;
};

// Hands every attribute to `visit`, which says whether it was well-formed. False if one was not, or if the
// attributes do not fill their space.
template <typename Visit>
bool visit_attributes(const void* start, std::size_t size_bytes, Visit visit) {
    auto* attribute = static_cast<const nlattr*>(start);
    auto left = static_cast<int>(size_bytes);
    while (mnl_attr_ok(attribute, left)) {
        if (!visit(attribute)) return false;
        left -= static_cast<int>(MNL_ALIGN(attribute->nla_len));
        attribute = mnl_attr_next(attribute);
    }
    return left <= 0;
}

template <typename Visit>
bool visit_attributes(const Message& message, Visit visit) {
    return visit_attributes(message.attributes(), message.attributes_bytes(), visit);
}

template <typename Visit>
bool visit_nested(const nlattr* outer, Visit visit) {
    return visit_attributes(mnl_attr_get_payload(outer), mnl_attr_get_payload_len(outer), visit);
}

// The readers return false when the attribute is not of the right size.
template <typename Number>
bool read_number(const nlattr* attribute, Number& number) {
    if (mnl_attr_get_payload_len(attribute) != sizeof number) return false;
    std::memcpy(&number, mnl_attr_get_payload(attribute), sizeof number);
    return true;
}

inline bool read_text(const nlattr* attribute, std::string& text) {
    auto* start = static_cast<const char*>(mnl_attr_get_payload(attribute));
    text.assign(start, ::strnlen(start, mnl_attr_get_payload_len(attribute)));
    return true;
}

inline bool read_ip(const nlattr* attribute, Family family, IpAddress& address) {
    IpAddress read{.family = family};
    if (mnl_attr_get_payload_len(attribute) != read.size_bytes()) return false;
    std::memcpy(read.bytes.data(), mnl_attr_get_payload(attribute), read.size_bytes());
    address = read;
    return true;
}

inline std::optional<Family> family_of(int kernel_family) {
    if (kernel_family == AF_INET) return Family::ipv4;
    if (kernel_family == AF_INET6) return Family::ipv6;
    return {};
}

}  // namespace ipmp
