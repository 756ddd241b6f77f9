#include "tools/save.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/unique_fd.hpp"
#include "tools/boot_files.hpp"
#include "tools/boot_lock.hpp"
#include "tools/daemon_client.hpp"
#include "tools/hostname_file.hpp"
#include "tools/netlink_client.hpp"
#include "tools/save_plan.hpp"
#include "tools/status_json.hpp"
#include "tools/tool_run.hpp"

namespace ipmp {

namespace {

namespace fs = std::filesystem;

int fail(const std::string& text) {
    std::fflush(stdout);
    std::fprintf(stderr, "ipmp: %s\n", text.c_str());
    return 1;
}

Result<void> check(const std::error_code& problem, const std::string& what) {
    if (problem) return Error{what + ": " + problem.message(), problem.value()};
    return {};
}

Result<void> sync_directory(const std::string& path) {
    UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.get()) != 0) return system_error("cannot write " + path);
    return {};
}

Result<void> write_file(const std::string& path, const std::string& content) {
    UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) return system_error("cannot write " + path);
    for (std::size_t written = 0; written < content.size();) {
        ssize_t count = write(file.get(), content.data() + written, content.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("cannot write " + path);
        written += static_cast<std::size_t>(count);
    }
    if (fsync(file.get()) != 0) return system_error("cannot write " + path);
    return {};
}

// An empty directory at `path`, whatever was there.
Result<void> make_empty(const std::string& path) {
    std::error_code problem;
    fs::remove_all(path, problem);
    if (!problem) fs::create_directories(path, problem);
    return check(problem, "cannot make " + path);
}

using Contents = std::map<std::string, std::string>;  // by name

Result<void> write_all(const std::string& directory, const Contents& files) {
    if (auto made = make_empty(directory); !made) return made;
    for (const auto& [name, content] : files) {
        if (auto written = write_file(directory + "/" + name, content); !written) return written;
    }
    return sync_directory(directory);
}

class Saving {
  public:
    explicit Saving(std::string etc) : etc_(std::move(etc)) {}

    Result<void> carry_out(const SavePlan& plan, const Contents& present) {
        Contents made;
        for (const auto& [name, content] : plan.files) {
            if (content) made[name] = *content;
        }
        if (auto written = write_all(coming(), made); !written) return written;
        if (auto kept = keep_former(present); !kept) return kept;
        for (const auto& [name, content] : plan.files) {
            auto replaced = replace(name, content.has_value());
            if (replaced) continue;
            put_back(plan, present, name);
            return replaced;
        }
        std::error_code ignored;  // an empty directory more does no harm
        fs::remove_all(coming(), ignored);
        return sync_directory(etc_);
    }

    std::string former() const { return etc_ + "/ipmp/former"; }

  private:
    std::string coming() const { return etc_ + "/ipmp/coming"; }

    // All files there are, in place of those kept by the last save; only when they are complete.
    Result<void> keep_former(const Contents& present) {
        if (auto written = write_all(former() + ".new", present); !written) return written;
        std::error_code problem;
        fs::remove_all(former(), problem);
        if (!problem) fs::rename(former() + ".new", former(), problem);
        if (auto renamed = check(problem, "cannot keep the former files in " + former()); !renamed) return renamed;
        return sync_directory(etc_ + "/ipmp");
    }

    Result<void> replace(const std::string& name, bool has_content) {
        std::error_code problem;
        if (has_content) {
            fs::rename(coming() + "/" + name, etc_ + "/" + name, problem);
        } else {
            fs::remove(etc_ + "/" + name, problem);
        }
        return check(problem, "cannot replace " + etc_ + "/" + name);
    }

    // Those before `failed`. What cannot be put back is still among the former files.
    void put_back(const SavePlan& plan, const Contents& present, const std::string& failed) {
        for (const auto& [name, content] : plan.files) {
            if (name == failed) break;
            std::error_code problem;
            auto was = present.find(name);
            fs::remove(etc_ + "/" + name, problem);
            bool restored = was == present.end() ? !problem : bool(write_file(etc_ + "/" + name, was->second));
            if (!restored) fail(etc_ + "/" + name + ": cannot put it back, it is in " + former());
        }
    }

    std::string etc_;
};

// All files of that kind; an error if there is one that we could not give back.
Result<Contents> read_present(const std::string& etc) {
    Contents present;
    std::error_code problem;
    for (fs::directory_iterator entry(etc, problem), end; !problem && entry != end; entry.increment(problem)) {
        std::string name = entry->path().filename().string();
        bool ours = false;
        for (const std::string& prefix : {hostname_prefix(Family::ipv4), hostname_prefix(Family::ipv6), kDhcpPrefix}) {
            auto interface = interface_of(name, prefix);
            ours = ours || (interface && *interface);
        }
        if (!ours) continue;
        auto content = read_small_file(entry->path().string());
        if (!content) return Error{entry->path().string() + ": " + content.error().text + "; nothing was saved"};
        present[name] = std::move(*content);
    }
    if (problem) return Error{"cannot read " + etc + ": " + problem.message()};
    return present;
}

// Of the main table. Who may not ask has none: a warning less.
std::vector<DefaultRoute> default_routes() {
    std::vector<DefaultRoute> found;
    auto kernel = NetlinkClient::open();
    if (!kernel) return found;
    for (Family family : kFamilies) {
        auto read = kernel->read(encode_dump_all_routes(family), [&](MessageBytes bytes) {
            auto route = decode_table_route(bytes);
            bool wanted = route && route->prefix_length == 0 && route->gateway && route->link && route->by_hand &&
                          route->in_main_table;
            char name[IF_NAMESIZE];
            if (wanted && if_indextoname(route->link->value, name)) found.push_back({*route->gateway, name});
        });
        if (!read) return {};
    }
    return found;
}

Result<std::set<std::string>> default_routers(const std::string& etc) {
    auto content = read_small_file(etc + "/defaultrouter");
    std::set<std::string> routers;
    if (!content && content.error().error_number == ENOENT) return routers;
    if (!content) return Error{etc + "/defaultrouter: " + content.error().text + "; nothing was saved"};
    for (const Words& words : parse_hostname_file(*content).lines) {
        if (!words.empty()) routers.insert(words[0]);
    }
    return routers;
}

int tell_as_text(const SavePlan& plan, const std::string& etc, const std::string& former) {
    for (const auto& [name, content] : plan.files) {
        std::printf("%s/%s %s\n", etc.c_str(), name.c_str(), content ? "written" : "removed");
    }
    if (!plan.files.empty()) std::printf("former files: %s\n", former.c_str());
    for (const std::string& warning : plan.warnings) fail(warning);
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write what was done");
}

int tell_as_json(const SavePlan& plan, const std::string& etc, const std::string& former) {
    OrderedJson files = OrderedJson::array();
    for (const auto& [name, content] : plan.files) {
        files.push_back({{"path", etc + "/" + name}, {"change", content ? "written" : "removed"}});
    }
    OrderedJson kept = plan.files.empty() ? OrderedJson() : OrderedJson(former);
    return print({0, json_document({{"files", files}, {"former", kept}, {"warnings", plan.warnings}}), ""}, "ipmp");
}

}  // namespace

int save(const std::vector<std::string>& named, bool as_json) {
    Paths paths = Paths::from_environment();
    auto client = DaemonClient::connect(paths);
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto locked = lock_boot(paths);
    if (!locked) return fail(locked.error().text);
    auto status = client->status();
    if (!status) return fail("cannot get the status: " + status.error().text);
    for (const std::string& name : named) {
        if (!find_plumbed(*status, name)) return fail(printable(name) + ": no such interface");
    }
    auto present = read_present(paths.etc());
    if (!present) return fail(present.error().text);
    auto routers = default_routers(paths.etc());
    if (!routers) return fail(routers.error().text);
    SavePlan plan = plan_save(
        {*status, default_routes(), *routers, kernel_link_names(), {named.begin(), named.end()}, *present});
    Saving saving(paths.etc());
    if (!plan.files.empty()) {
        auto done = saving.carry_out(plan, *present);
        if (!done) return fail(done.error().text + "; the files are as they were");
    }
    return (as_json ? tell_as_json : tell_as_text)(plan, paths.etc(), saving.former());
}

}  // namespace ipmp
