#include "tools/import_run.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/boot_files.hpp"
#include "tools/import.hpp"
#include "tools/status_json.hpp"

namespace ipmp {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 1000;
const char* const kUsage = "ipmp import [--to hostname|ifupdown] [-j] FILE|DIRECTORY...";

struct Options {
    std::vector<std::string> paths;
    std::optional<ImportStyle> style;
    bool as_json = false, asks_for_help = false;
};

std::optional<Options> parse(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t next = 0; next < words.size(); ++next) {
        const std::string& word = words[next];
        if (word == "-j" || word == "--json") {
            options.as_json = true;
        } else if (word == "-h" || word == "--help") {
            options.asks_for_help = true;
        } else if (word == "--to" && next + 1 < words.size()) {
            const std::string& style = words[++next];
            if (style != "hostname" && style != "ifupdown") return {};
            options.style = style == "hostname" ? ImportStyle::hostname : ImportStyle::ifupdown;
        } else if (word.starts_with('-')) {
            return {};
        } else {
            options.paths.push_back(word);
        }
    }
    if (options.paths.empty() && !options.asks_for_help) return {};
    return options;
}

// The files of a directory, not of those below it; or the file itself.
Result<std::vector<std::string>> files_at(const std::string& path) {
    std::error_code problem;
    if (!fs::is_directory(path, problem)) return std::vector<std::string>{path};
    std::vector<std::string> files;
    for (fs::directory_iterator entry(path, problem), end; !problem && entry != end; entry.increment(problem)) {
        std::error_code ignored;  // what cannot be looked at is no file to read
        bool is_file = fs::is_regular_file(entry->path(), ignored);
        if (is_file && !entry->path().filename().string().starts_with('.')) files.push_back(entry->path().string());
    }
    if (problem) return Error{"cannot read " + path + ": " + problem.message()};
    if (files.size() > kMostFiles) return Error{path + ": too many files"};
    std::sort(files.begin(), files.end());
    return files;
}

Result<std::vector<ImportText>> read_texts(const std::vector<std::string>& paths) {
    std::vector<ImportText> texts;
    for (const std::string& path : paths) {
        auto files = files_at(path);
        if (!files) return files.error();
        for (const std::string& file : *files) {
            auto content = read_small_file(file);
            if (!content) return Error{printable(file) + ": " + content.error().text};
            texts.push_back({printable(file), *std::move(content)});
        }
    }
    return texts;
}

std::string as_text(const Imported& made) {
    std::string text;
    for (const ImportText& file : made.files) text += "# " + file.name + "\n" + file.content + "\n";
    for (const std::string& remark : made.remarks) text += "# remark: " + remark + "\n";
    return text;
}

std::string as_json(const Imported& made) {
    OrderedJson files = OrderedJson::array();
    for (const ImportText& file : made.files) files.push_back({{"path", file.name}, {"content", file.content}});
    return json_document({{"files", files}, {"remarks", made.remarks}});
}

}  // namespace

ToolRun run_import(const std::vector<std::string>& words) {
    auto options = parse(words);
    if (!options) return {2, "", std::string("ipmp: usage: ") + kUsage + "\n"};
    if (options->asks_for_help) return {0, std::string(kUsage) + "\n", ""};
    auto texts = read_texts(options->paths);
    if (!texts) return {1, "", "ipmp: " + texts.error().text + "\n"};
    auto made = import_aggregates(*texts, options->style);
    if (!made) return {1, "", "ipmp: " + made.error().text + "\n"};
    return {0, options->as_json ? as_json(*made) : as_text(*made), ""};
}

}  // namespace ipmp
