#include "shell/filter_programs.hpp"

#include <fcntl.h>

namespace ipmp {

namespace {

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

void FilterPrograms::set(const std::string& ipmp_interface, Filter filter, int program_fd, std::uint32_t program_id) {
    std::lock_guard lock(mutex_);
    programs_[{ipmp_interface, filter}] = Program{duplicate(program_fd), program_id};
}

void FilterPrograms::erase(const std::string& ipmp_interface) {
    std::lock_guard lock(mutex_);
    std::erase_if(programs_, [&](const auto& entry) { return entry.first.first == ipmp_interface; });
}

UniqueFd FilterPrograms::find(const std::string& ipmp_interface, Filter filter) const {
    std::lock_guard lock(mutex_);
    auto found = programs_.find({ipmp_interface, filter});
    return found == programs_.end() ? UniqueFd() : duplicate(found->second.fd.get());
}

std::optional<FilterPrograms::Owner> FilterPrograms::owner_of(std::uint32_t program_id) const {
    std::lock_guard lock(mutex_);
    for (const auto& [key, program] : programs_) {
        if (program.id == program_id) return Owner{key.second, key.first};
    }
    return {};
}

}  // namespace ipmp
