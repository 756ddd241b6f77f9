#include "tools/boot_lock.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>

namespace ipmp {

Result<UniqueFd> lock_boot(const Paths& paths) {
    UniqueFd file(open(paths.boot_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return system_error("cannot open " + paths.boot_lock());
    while (flock(file.get(), LOCK_EX) != 0) {
        if (errno != EINTR) return system_error("cannot lock " + paths.boot_lock());
    }
    return file;
}

std::set<std::string> kernel_link_names() {
    std::set<std::string> names;
    struct if_nameindex* all = if_nameindex();
    for (struct if_nameindex* link = all; link && link->if_index != 0; ++link) names.insert(link->if_name);
    if (all) if_freenameindex(all);
    return names;
}

}  // namespace ipmp
