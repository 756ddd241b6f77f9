#include "tools/hostname_file.hpp"

#include <optional>

#include "tools/ifconfig_grammar.hpp"

namespace ipmp {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool is_control(char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 0x7f;
}

// One line, those joined to it included.
struct RawLine {
    Words words;
    std::size_t number = 0;  // of its first line in the file, from 1
    std::size_t bytes = 0;
    bool has_control = false;
};

class Splitter {
  public:
    explicit Splitter(std::string_view content) : content_(content) {}

    // Nothing: the end.
    std::optional<RawLine> next() {
        if (at_ == content_.size()) return {};
        RawLine line{.number = ++number_};
        std::optional<std::string> word;
        while (at_ < content_.size()) {
            char c = content_[at_++];
            if (c == '\n') break;
            ++line.bytes;
            bool escapes = c == '\\' && at_ < content_.size();
            if (escapes && (c = content_[at_++]) == '\n') {
                ++number_;
                continue;
            }
            if (!escapes && is_blank(c)) {
                if (word) line.words.push_back(std::move(*word));
                word.reset();
                continue;
            }
            line.has_control = line.has_control || is_control(c);
            if (!word) word.emplace();
            if (line.bytes <= HostnameFile::kMaxLineBytes) word->push_back(c);
        }
        if (word) line.words.push_back(std::move(*word));
        return line;
    }

  private:
    std::string_view content_;
    std::size_t at_ = 0, number_ = 0;
};

}  // namespace

HostnameFile parse_hostname_file(std::string_view content) {
    HostnameFile file;
    bool begun = false;
    Splitter splitter(content);
    while (auto line = splitter.next()) {
        if (begun) file.one_line = false;  // a blank line counts as well
        if (line->words.empty()) continue;
        if (!begun) {
            begun = file.one_line = true;
            file.is_ipmp = line->words[0] == "ipmp";
        }
        std::string where = "line " + std::to_string(line->number);
        if (line->has_control) {
            file.problems.push_back(where + " holds a control character");
        } else if (line->bytes > HostnameFile::kMaxLineBytes) {
            file.problems.push_back(where + " is too long");
        } else {
            if (line->words[0] == "ipmp") line->words.erase(line->words.begin());
            file.lines.push_back(std::move(line->words));
        }
    }
    return file;
}

bool only_names_host(const HostnameFile& file) {
    return file.lines.size() == 1 && file.lines[0].size() == 2 && file.lines[0][0] == "inet";
}

std::string group_of(const HostnameFile& file, Family family) {
    std::string group;
    for (const Words& words : file.lines) {
        auto parsed = parse_line(words, family);
        if (!parsed) continue;
        for (const Step& step : parsed->steps) {
            if (step.word == Word::group) group = step.arguments[0];
        }
    }
    return group;
}

std::vector<FileLine> lines_to_run(const HostnameFile& file, Family family) {
    std::vector<FileLine> lines;
    for (const Words& words : file.lines) lines.push_back({words, family == Family::ipv4 && file.one_line});
    if (family == Family::ipv6) lines.push_back({{"up"}, false});
    return lines;
}

}  // namespace ipmp
