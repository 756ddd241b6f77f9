// JSON <-> our value types, driven by one list of fields per type.
//
// Purpose: every codec of this folder states the fields of a type once, as an overload
//
//     template <class A> void fields(A& a, typename A::template Ref<GroupStatus> v) { a("state", v.state); … }
//
// found by argument-dependent lookup. Writer runs through it to make JSON, Reader to check and take JSON apart, so
// that the two cannot drift. Reader trusts nothing: each value is checked for type and range, and the first problem
// is kept with its place ("groups.ipmp0.families[1].slots[3]"); after a problem the target's content is meaningless.
//
// Objects: Writer and Reader live for one JSON object each. Nothing here throws; nothing keeps references.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/result.hpp"
#include "model/ids.hpp"
#include "wire/names.hpp"

namespace ipmp::wire {

using Json = nlohmann::json;

// Parses `text` with bounded nesting, without exceptions. Nothing: not JSON, or nested too deeply.
inline std::optional<Json> parse_json(std::string_view text, int max_depth) {
    bool too_deep = false;
    auto limit = [&](int depth, Json::parse_event_t, Json&) {
        too_deep = too_deep || depth > max_depth;
        return !too_deep;
    };
    Json json = Json::parse(text, limit, /*allow_exceptions=*/false);
    if (too_deep || json.is_discarded()) return {};
    return json;
}

// Text of `json`; bytes that are not UTF-8 (kernel interface names may hold any) become U+FFFD.
inline std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// The first thing wrong in a document, and where.
struct Problem {
    std::string place;
    std::string text;
    Error error() const { return {place.empty() ? text : place + ": " + text}; }
};

namespace detail {
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsArray : std::false_type {};
template <class T, std::size_t N>
struct IsArray<std::array<T, N>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T, class L>
struct IsMap<std::map<std::string, T, L>> : std::true_type {};
}  // namespace detail

class Writer {
  public:
    template <class T>
    using Ref = const T&;

    template <class T>
    void operator()(const char* name, const T& value) {
        if constexpr (detail::IsOptional<T>::value) {
            if (value) object_[name] = encode(*value);
        } else {
            object_[name] = encode(value);
        }
    }
    template <class T>
    void defaulted(const char* name, const T& value) {
        (*this)(name, value);
    }
    void interface_name(const char* name, const std::string& value) { (*this)(name, value); }
    void group_name(const char* name, const std::string& value) { (*this)(name, value); }

    Json take() { return std::move(object_); }

    template <class T>
    static Json encode(const T& value);

  private:
    Json object_ = Json::object();
};

template <class T>
Json Writer::encode(const T& value) {
    if constexpr (std::is_same_v<T, bool> || std::is_unsigned_v<T> || std::is_same_v<T, std::string>) {
        return value;
    } else if constexpr (std::is_same_v<T, IpAddress> || std::is_same_v<T, MacAddress>) {
        return to_string(value);
    } else if constexpr (std::is_same_v<T, InterfaceIndex>) {
        return value.value;
    } else if constexpr (std::is_same_v<T, Family>) {
        return value == Family::ipv4 ? "inet" : "inet6";
    } else if constexpr (std::is_enum_v<T>) {
        return names_of(value)[static_cast<std::size_t>(value)];
    } else if constexpr (detail::IsVector<T>::value || detail::IsArray<T>::value) {
        Json array = Json::array();
        for (const auto& element : value) array.push_back(encode(element));
        return array;
    } else if constexpr (detail::IsMap<T>::value) {
        Json object = Json::object();
        for (const auto& [key, element] : value) object[key] = encode(element);
        return object;
    } else {
        Writer nested;
        fields(nested, value);
        return nested.take();
    }
}

class Reader {
  public:
    template <class T>
    using Ref = T&;
    enum class Unknown : std::uint8_t { refuse, skip };  // what to do with fields we do not know

    // `object` and `problem` must outlive the Reader.
    Reader(const Json& object, std::string place, Unknown unknown, std::optional<Problem>& problem)
        : object_(object), place_(std::move(place)), unknown_(unknown), problem_(problem) {
        if (!object_.is_object()) fail(place_, "is not an object");
    }

    template <class T>
    void operator()(const char* name, T& value) {
        field(name, value, detail::IsOptional<T>::value);
    }

    // A field that keeps its default value if it is not there.
    template <class T>
    void defaulted(const char* name, T& value) {
        field(name, value, true);
    }

    void interface_name(const char* name, std::string& value) {
        (*this)(name, value);
        if (!problem_ && !is_interface_name(value)) fail(inside(name), "is not an interface name");
    }
    void group_name(const char* name, std::string& value) {
        (*this)(name, value);
        if (!problem_ && !value.empty() && !is_group_name(value)) fail(inside(name), "is not a group name");
    }

    // To be called after the last field.
    void finish() {
        if (problem_ || unknown_ == Unknown::skip || known_ == object_.size()) return;
        for (const auto& [name, value] : object_.items()) {
            if (!seen_.contains(name)) return fail(inside(name), "is not known");
        }
    }

    template <class T>
    static void read(const Json& json, const std::string& place, Unknown unknown, T& value,
                     std::optional<Problem>& problem) {
        Reader reader(json, place, unknown, problem);
        if (!problem) fields(reader, value);
        reader.finish();
    }

  private:
    std::string inside(std::string_view name) const {
        return place_.empty() ? std::string(name) : place_ + "." + std::string(name);
    }
    void fail(const std::string& place, const char* text) {
        if (!problem_) problem_ = Problem{place, text};
    }
    template <class T>
    void field(const char* name, T& value, bool may_be_absent);
    template <class T>
    void decode(const Json& json, const std::string& place, T& value);
    template <class T>
    void decode_number(const Json& json, const std::string& place, T& value);
    template <class T, class Parse>
    void decode_parsed(const Json& json, const std::string& place, T& value, Parse parse, const char* complaint);
    template <class T>
    void decode_elements(const Json& json, const std::string& place, T& value);

    const Json& object_;
    std::string place_;
    Unknown unknown_;
    std::optional<Problem>& problem_;
    std::map<std::string, bool, std::less<>> seen_;
    std::size_t known_ = 0;
};

template <class T>
void Reader::field(const char* name, T& value, bool may_be_absent) {
    if (problem_) return;
    auto found = object_.find(name);
    if (found != object_.end()) {
        seen_[name] = true;
        ++known_;
    }
    if (found == object_.end() || (may_be_absent && found->is_null())) {
        if (!may_be_absent) fail(inside(name), "is missing");
        return;
    }
    if constexpr (detail::IsOptional<T>::value) {
        decode(*found, inside(name), value.emplace());
    } else {
        decode(*found, inside(name), value);
    }
}

template <class T>
void Reader::decode_number(const Json& json, const std::string& place, T& value) {
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
        return fail(place, "is not a whole number in range");
    }
    value = static_cast<T>(json.get<std::uint64_t>());
}

// Text that `parse` turns into an optional<T>.
template <class T, class Parse>
void Reader::decode_parsed(const Json& json, const std::string& place, T& value, Parse parse, const char* complaint) {
    if (!json.is_string()) return fail(place, "is not a string");
    std::optional<T> parsed = parse(json.get_ref<const std::string&>());
    if (!parsed) return fail(place, complaint);
    value = *parsed;
}

template <class T>
void Reader::decode_elements(const Json& json, const std::string& place, T& value) {
    if (!json.is_array()) return fail(place, "is not an array");
    if constexpr (detail::IsArray<T>::value) {
        if (json.size() != value.size()) return fail(place, "has the wrong number of elements");
    } else {
        value.clear();
        value.resize(json.size());
    }
    for (std::size_t i = 0; i < json.size() && !problem_; ++i) {
        decode(json[i], place + "[" + std::to_string(i) + "]", value[i]);
    }
}

template <class T>
void Reader::decode(const Json& json, const std::string& place, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        if (!json.is_boolean()) return fail(place, "is not true or false");
        value = json.get<bool>();
    } else if constexpr (std::is_unsigned_v<T>) {
        decode_number(json, place, value);
    } else if constexpr (std::is_same_v<T, InterfaceIndex>) {
        decode_number(json, place, value.value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (!json.is_string()) return fail(place, "is not a string");
        value = json.get_ref<const std::string&>();
    } else if constexpr (std::is_same_v<T, IpAddress>) {
        decode_parsed(json, place, value, parse_ip, "is not an IP address");
    } else if constexpr (std::is_same_v<T, MacAddress>) {
        decode_parsed(json, place, value, parse_mac, "is not a MAC address");
    } else if constexpr (std::is_same_v<T, Family>) {
        decode_parsed(json, place, value, parse_family, "is not inet or inet6");
    } else if constexpr (std::is_enum_v<T>) {
        auto parse = [](std::string_view text) { return parse_name<T>(text); };
        decode_parsed(json, place, value, parse, "is not one of its values");
    } else if constexpr (detail::IsVector<T>::value || detail::IsArray<T>::value) {
        decode_elements(json, place, value);
    } else if constexpr (detail::IsMap<T>::value) {
        if (!json.is_object()) return fail(place, "is not an object");
        for (const auto& [key, element] : json.items()) decode(element, place + "." + key, value[key]);
    } else {
        read(json, place, unknown_, value, problem_);
    }
}

}  // namespace ipmp::wire
