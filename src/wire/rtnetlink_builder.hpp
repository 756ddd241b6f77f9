// Builds one rtnetlink request in place: header, family header, attributes. For wire/rtnetlink_encode and its like.
#pragma once

#include <libmnl/libmnl.h>

#include <string>
#include <utility>

#include "base/check.hpp"
#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

class Builder {
  public:
    static constexpr std::size_t kMaxBytes = 1024;  // all our requests are far smaller; putting more is a bug

    Builder(std::uint16_t type, std::uint16_t flags) : bytes_(kMaxBytes) {
        header_ = mnl_nlmsg_put_header(bytes_.data());
        header_->nlmsg_type = type;
        header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    }
    Builder(Builder&&) = default;  // header_ points into the vector's memory, which moves along

    template <typename FamilyHeader>
    FamilyHeader& family_header() {
        IPMP_CHECK(header_->nlmsg_len + MNL_ALIGN(sizeof(FamilyHeader)) <= bytes_.size());
        return *static_cast<FamilyHeader*>(mnl_nlmsg_put_extra_header(header_, sizeof(FamilyHeader)));
    }

    Builder& put(std::uint16_t type, const void* data, std::size_t size_bytes) {
        IPMP_CHECK(mnl_attr_put_check(header_, bytes_.size(), type, size_bytes, data));
        return *this;
    }
    Builder& put(std::uint16_t type, std::uint32_t value) { return put(type, &value, sizeof value); }
    Builder& put_byte(std::uint16_t type, std::uint8_t value) { return put(type, &value, sizeof value); }
    Builder& put(std::uint16_t type, const std::string& text) { return put(type, text.c_str(), text.size() + 1); }
    Builder& put(std::uint16_t type, const MacAddress& mac) { return put(type, mac.bytes.data(), mac.bytes.size()); }
    Builder& put(std::uint16_t type, const IpAddress& address) {
        return put(type, address.bytes.data(), address.size_bytes());
    }

    template <typename Fill>
    Builder& nest(std::uint16_t type, Fill fill) {
        nlattr* outer = mnl_attr_nest_start_check(header_, bytes_.size(), type);
        IPMP_CHECK(outer != nullptr);
        fill();
        mnl_attr_nest_end(header_, outer);
        return *this;
    }

    NetlinkRequest finish() {
        bytes_.resize(header_->nlmsg_len);
        return std::move(bytes_);
    }

  private:
    NetlinkRequest bytes_;
    nlmsghdr* header_;
};

}  // namespace ipmp
