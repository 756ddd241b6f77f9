// The helper process that starts the programs the daemon needs: `ipmp attach` for NICs that appear, ipmp-dhcp-client,
// and the host's resolvconf for name servers of leases.
//
// They need rights that the daemon has given up, dhcpcd above all, and no filter on their system calls; so this helper
// keeps what the daemon was started with. It starts these three and nothing else: their paths are fixed when it
// starts, their words are checked here. What it starts are children of the daemon, as if the daemon had started them
// itself (CLONE_PARENT): it awaits them, and they notice its end.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "shell/helper_process.hpp"

namespace ipmp {

class ProgramHelper {
  public:
    enum class Program : std::uint8_t { attach, dhcp_client, resolvconf };
    enum class Group : std::uint8_t { ours, own };  // of processes: whether our terminal's signals reach it

    // What each is started as.
    struct Paths {
        std::string attach, dhcp_client, resolvconf;
        static Paths installed(std::string resolvconf);
    };

    static Result<ProgramHelper> start(const Paths& paths);

    // What it has: standard input; standard output and error; the network namespace to run in, -1: ours.
    struct Descriptors {
        int input, output, network_namespace = -1;
    };

    // `words`: its arguments, from its name on.
    Result<pid_t> run(Program program, const std::vector<std::string>& words, Group group, Descriptors descriptors);

  private:
    explicit ProgramHelper(HelperProcess process) : process_(std::move(process)) {}
    HelperProcess process_;
};

}  // namespace ipmp
