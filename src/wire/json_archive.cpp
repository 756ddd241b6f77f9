#include "wire/json_archive.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ipmp::wire {

namespace {

// Before anything is built from it. What is not JSON may be judged wrongly behind the error, where parsing ends.
bool nests_deeper(std::string_view text, int max_depth) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char byte = text[i];
        if (in_string) {
            if (byte == '\\') ++i;
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            if (++depth > max_depth) return true;
        } else if (byte == ']' || byte == '}') {
            --depth;
        }
    }
    return false;
}

}  // namespace

// The library could ask a callback for each value, but then goes over all former ones of an array for each new one.
std::optional<Json> parse_json(std::string_view text, int max_depth) {
    if (nests_deeper(text, max_depth)) return {};
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return {};
    return json;
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void Problem::inside(std::string_view name) {
    place = std::string(name) + (place.empty() || place.front() == '[' ? "" : ".") + place;
}

Writer::Writer(Json& object) : object_(object) { object_ = Json::object(); }

Json& Writer::field(std::string_view name) { return object_[std::string(name)]; }
void Writer::start_array(Json& json) { json = Json::array(); }
Json& Writer::append(Json& array) { return array.emplace_back(); }

void Writer::write(Json& json, bool value) { json = value; }
void Writer::write(Json& json, std::uint64_t value) { json = value; }
void Writer::write(Json& json, const std::string& value) { json = value; }
void Writer::write(Json& json, const IpAddress& value) { json = to_string(value); }
void Writer::write(Json& json, const MacAddress& value) { json = to_string(value); }
void Writer::write(Json& json, Family value) { json = value == Family::ipv4 ? "inet" : "inet6"; }
void Writer::write(Json& json, Duration value) {
    write(json, static_cast<std::uint64_t>(std::max(value, Duration::zero()).count()));
}

Reader::Reader(const Json& object, Rules rules, std::optional<Problem>& problem)
    : object_(object), rules_(rules), problem_(problem) {
    if (!object_.is_object()) fail("", "is not an object");
}

void Reader::fail(std::string_view place, const char* text) {
    if (!problem_) problem_ = Problem{std::string(place), text};
}

void Reader::finish() {
    if (problem_ || rules_.unknown == Rules::Unknown::skip || known_.size() == object_.size()) return;
    for (const auto& [name, value] : object_.items()) {
        if (std::find(known_.begin(), known_.end(), name) == known_.end()) return fail(name, "is not known");
    }
}

const Json* Reader::find(const char* name, bool may_be_absent, bool may_be_null) {
    if (problem_) return nullptr;
    auto found = object_.find(name);
    if (found == object_.end()) {
        if (!may_be_absent) fail(name, "is missing");
        return nullptr;
    }
    known_.push_back(name);
    return may_be_null && found->is_null() ? nullptr : &*found;
}

void Reader::decode(const Json& json, bool& value) {
    if (!json.is_boolean()) return fail("", "is not true or false");
    value = json.get<bool>();
}

std::uint64_t Reader::decode_number(const Json& json, std::uint64_t max) {
    if (json.is_number_unsigned() && json.get<std::uint64_t>() <= max) return json.get<std::uint64_t>();
    fail("", "is not a whole number in range");
    return 0;
}

std::size_t Reader::decode_name(const Json& json, std::span<const char* const> names) {
    std::string text;
    decode(json, text);
    auto found = std::find(names.begin(), names.end(), text);
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
    fail("", "is not one of its values");
    return 0;
}

void Reader::decode(const Json& json, std::string& value) {
    if (!json.is_string()) return fail("", "is not a string");
    value = json.get_ref<const std::string&>();
}

void Reader::decode(const Json& json, IpAddress& value) {
    std::string text;
    decode(json, text);
    std::optional<IpAddress> parsed = parse_ip(text);
    if (!parsed) return fail("", "is not an IP address");
    value = *parsed;
}

void Reader::decode(const Json& json, MacAddress& value) {
    std::string text;
    decode(json, text);
    std::optional<MacAddress> parsed = parse_mac(text);
    if (!parsed) return fail("", "is not a MAC address");
    value = *parsed;
}

void Reader::decode(const Json& json, Family& value) {
    std::string text;
    decode(json, text);
    std::optional<Family> parsed = parse_family(text);
    if (!parsed) return fail("", "is not inet or inet6");
    value = *parsed;
}

void Reader::decode(const Json& json, Duration& value) {
    value = Duration(static_cast<Duration::rep>(decode_number(json, std::numeric_limits<Duration::rep>::max())));
}

void Reader::decode(const Json& json, Instant& value) {
    Duration since_boot{};
    decode(json, since_boot);
    value = Instant(since_boot);
}

bool Reader::is_array(const Json& json) {
    if (!json.is_array()) fail("", "is not an array");
    return json.is_array();
}

bool Reader::is_object(const Json& json) {
    if (!json.is_object()) fail("", "is not an object");
    return json.is_object();
}

std::size_t Reader::size(const Json& array) { return array.size(); }
const Json& Reader::element(const Json& array, std::size_t index) { return array[index]; }
void Reader::each(const Json& object, const std::function<void(const std::string&, const Json&)>& visit) {
    for (const auto& [key, content] : object.items()) visit(key, content);
}

}  // namespace ipmp::wire
