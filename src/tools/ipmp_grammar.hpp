// What the words of `ipmp` ask for. Pure: words in, a line out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/dataplane_image.hpp"

namespace ipmp {

enum class IpmpVerb : std::uint8_t {
    help,
    status,
    stop,
    policy,
    isolate,
    place,
    boot,
    attach,
    detach,
    save,
    wait_online,
    native,
    import_files,
    complete,
    monitor,
    why,
    check,
    top,
    other_tool
};

struct IpmpLine {
    IpmpVerb verb = IpmpVerb::help;
    std::string help;                    // the text
    bool as_json = false;                // of status, monitor, check, policy, isolate, place and save
    bool purge = false;                  // of stop
    std::string ipmp_interface;          // of policy, isolate and place, of which empty: all
    std::optional<SpreadPolicy> policy;  // none: it is to be shown
    std::optional<bool> isolate;         // likewise
    // Likewise; empty: the host's.
    std::optional<std::string> network_namespace;
    bool force = false;                  // of isolate and detach
    bool dry_run = false;                // of detach
    std::string group;                   // of wait_online: a group's name or its interface's; empty: all
    unsigned timeout_s = 120;            // of wait_online; 0: without end
    std::vector<std::string> nics;       // of attach and detach, at least one; of save; of check, or IPMP interfaces
    std::string subject;                 // of why: interface, address or group
    bool once = false;                   // of top
};

// `words`: without the program's name. The tools of Solaris read their words themselves (`other_tool`), and so do
// `native` verbs (native_grammar.hpp), `import` and `complete`.
Result<IpmpLine> parse_ipmp_line(const std::vector<std::string>& words);

// All of the above as completion has to know them; `complete`, which is for shells, is not among them.
struct IpmpCommand {
    std::string name;
    bool takes_words = false;          // other than options
    std::vector<std::string> options;  // "--json"
};
std::vector<IpmpCommand> ipmp_commands();

}  // namespace ipmp
