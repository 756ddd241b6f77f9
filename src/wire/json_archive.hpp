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
// What is known of a type's structure is templates here and short; whatever touches JSON itself is compiled once, in
// json_archive.cpp, and this header names the JSON library only. That is most of what keeps the codecs quick to build.
//
// Objects: Writer and Reader live for one JSON object each. Nothing here throws; nothing keeps references.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "model/ids.hpp"
#include "wire/names.hpp"

namespace ipmp::wire {

using Json = nlohmann::json;

// Parses `text` with bounded nesting, without exceptions. Nothing: not JSON, or nested too deeply.
std::optional<Json> parse_json(std::string_view text, int max_depth);

// Text of `json`; bytes that are not UTF-8 (kernel interface names may hold any) become U+FFFD.
std::string to_text(const Json& json);

inline constexpr std::uint64_t kIndicesPerPlace = std::uint64_t{1} << 32;

// The first thing wrong in a document, and where.
struct Problem {
    std::string place;
    std::string text;
    Error error() const { return {place.empty() ? text : place + ": " + text}; }
    // The same seen from outside: `name`, or "[3]", comes before the place.
    void inside(std::string_view name);
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

class Writer {
  public:
    template <class T>
    using Ref = const T&;

    // Makes `object` an object and adds fields to it; it must outlive the Writer.
    explicit Writer(Json& object);

    template <class T>
    void operator()(const char* name, const T& value) {
        if constexpr (kIsOptional<T>) {
            if (value) write(field(name), *value);
        } else {
            write(field(name), value);
        }
    }
    template <class T>
    void defaulted(const char* name, const T& value) {
        (*this)(name, value);
    }
    void interface_name(const char* name, const std::string& value) { (*this)(name, value); }
    void group_name(const char* name, const std::string& value) { (*this)(name, value); }

    // Makes `json` the JSON of a value.
    static void write(Json& json, bool value);
    static void write(Json& json, std::uint64_t value);
    static void write(Json& json, const std::string& value);
    static void write(Json& json, const IpAddress& value);
    static void write(Json& json, const MacAddress& value);
    static void write(Json& json, Family value);
    static void write(Json& json, Duration value);  // nanoseconds; none is negative
    static void write(Json& json, Instant value) { write(json, value.time_since_epoch()); }
    static void write(Json& json, Place value) { write(json, static_cast<std::uint64_t>(value)); }
    static void write(Json& json, InterfaceIndex value) {  // one number: a state has hundreds
        write(json, std::uint64_t{value.value} + kIndicesPerPlace * static_cast<std::uint64_t>(value.place));
    }
    template <class T>
    static void write(Json& json, const std::vector<T>& value) {
        write_elements(json, value);
    }
    template <class T, std::size_t N>
    static void write(Json& json, const std::array<T, N>& value) {
        write_elements(json, value);
    }
    template <class T, class Less>
    static void write(Json& json, const std::map<std::string, T, Less>& value) {
        Writer nested(json);
        for (const auto& [key, element] : value) write(nested.field(key), element);
    }
    template <class T>
    static void write(Json& json, const T& value) {
        if constexpr (std::is_unsigned_v<T>) {
            write(json, std::uint64_t{value});
        } else if constexpr (std::is_enum_v<T>) {
            write(json, std::string(names_of(value)[static_cast<std::size_t>(value)]));
        } else {
            Writer nested(json);
            fields(nested, value);
        }
    }

  private:
    Json& field(std::string_view name);
    static void start_array(Json& json);
    static Json& append(Json& array);
    template <class T>
    static void write_elements(Json& json, const T& value) {
        start_array(json);
        for (const auto& element : value) write(append(json), element);
    }

    Json& object_;
};

class Reader {
  public:
    template <class T>
    using Ref = T&;

    // What to do with fields we do not know, and with those we miss. Optional and defaulted ones may always be absent.
    struct Rules {
        enum class Unknown : std::uint8_t { refuse, skip } unknown;
        enum class Absent : std::uint8_t { refuse, keep_default } absent;
    };
    static constexpr Rules kExact{Rules::Unknown::refuse, Rules::Absent::refuse};
    static constexpr Rules kFromNewer{Rules::Unknown::skip, Rules::Absent::refuse};
    static constexpr Rules kFromOlder{Rules::Unknown::refuse, Rules::Absent::keep_default};

    // `object` and `problem` must outlive the Reader.
    Reader(const Json& object, Rules rules, std::optional<Problem>& problem);

    template <class T>
    void operator()(const char* name, T& value) {
        field(name, value, kIsOptional<T> || rules_.absent == Rules::Absent::keep_default, kIsOptional<T>);
    }

    // A field that keeps its default value if it is not there.
    template <class T>
    void defaulted(const char* name, T& value) {
        field(name, value, true, true);
    }

    void interface_name(const char* name, std::string& value) {
        (*this)(name, value);
        if (!problem_ && !is_interface_name(value)) fail(name, "is not an interface name");
    }
    void group_name(const char* name, std::string& value) {
        (*this)(name, value);
        if (!problem_ && !value.empty() && !is_group_name(value)) fail(name, "is not a group name");
    }

    // Reads a value that has fields; places begin below `json`.
    template <class T>
    static void read(const Json& json, Rules rules, T& value, std::optional<Problem>& problem) {
        Reader reader(json, rules, problem);
        if (!problem) fields(reader, value);
        reader.finish();
    }

  private:
    void fail(std::string_view place, const char* text);
    void finish();  // to be called after the last field

    // The value of a field, if there is one to be decoded; complains if it must be there.
    const Json* find(const char* name, bool may_be_absent, bool may_be_null);
    // What was just taken apart is the value of a field, or an element.
    void inside(std::string_view name) {
        if (problem_) problem_->inside(name);
    }
    void inside(std::size_t index) {
        if (problem_) problem_->inside("[" + std::to_string(index) + "]");
    }

    template <class T>
    void field(const char* name, T& value, bool may_be_absent, bool may_be_null) {
        const Json* found = find(name, may_be_absent, may_be_null);
        if (!found) return;
        if constexpr (kIsOptional<T>) {
            decode(*found, value.emplace());
        } else {
            decode(*found, value);
        }
        inside(name);
    }

    // Each takes one value apart or fails with an empty place.
    void decode(const Json& json, bool& value);
    void decode(const Json& json, std::string& value);
    void decode(const Json& json, IpAddress& value);
    void decode(const Json& json, MacAddress& value);
    void decode(const Json& json, Family& value);
    void decode(const Json& json, Duration& value);
    void decode(const Json& json, Instant& value);
    void decode(const Json& json, InterfaceIndex& value) {
        std::uint64_t number = decode_number(json, kMostPlaces * kIndicesPerPlace - 1);
        value = {static_cast<std::uint32_t>(number % kIndicesPerPlace), static_cast<Place>(number / kIndicesPerPlace)};
    }
    void decode(const Json& json, Place& value) { value = static_cast<Place>(decode_number(json, kMostPlaces - 1)); }
    std::uint64_t decode_number(const Json& json, std::uint64_t max);
    std::size_t decode_name(const Json& json, std::span<const char* const> names);
    bool is_array(const Json& json);
    bool is_object(const Json& json);
    static std::size_t size(const Json& array);
    static const Json& element(const Json& array, std::size_t index);
    static void each(const Json& object, const std::function<void(const std::string&, const Json&)>& visit);

    template <class T>
    void decode(const Json& json, std::vector<T>& value) {
        if (!is_array(json)) return;
        value.clear();
        value.resize(size(json));
        decode_elements(json, value);
    }
    template <class T, std::size_t N>
    void decode(const Json& json, std::array<T, N>& value) {
        if (!is_array(json)) return;
        if (size(json) != N) return fail("", "has the wrong number of elements");
        decode_elements(json, value);
    }
    template <class T>
    void decode_elements(const Json& json, T& value) {
        for (std::size_t i = 0; i < value.size() && !problem_; ++i) {
            decode(element(json, i), value[i]);
            inside(i);
        }
    }
    template <class T, class Less>
    void decode(const Json& json, std::map<std::string, T, Less>& value) {
        if (!is_object(json)) return;
        each(json, [&](const std::string& key, const Json& content) {
            if (problem_) return;
            decode(content, value[key]);
            inside(key);
        });
    }
    template <class T>
    void decode(const Json& json, T& value) {
        if constexpr (std::is_unsigned_v<T>) {
            value = static_cast<T>(decode_number(json, std::numeric_limits<T>::max()));
        } else if constexpr (std::is_enum_v<T>) {
            value = static_cast<T>(decode_name(json, names_of(T{})));
        } else {
            read(json, rules_, value, problem_);
        }
    }

    const Json& object_;
    Rules rules_;
    std::optional<Problem>& problem_;
    std::vector<std::string_view> known_;  // fields that were there
};

}  // namespace ipmp::wire
