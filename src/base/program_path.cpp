#include "base/program_path.hpp"

#include <filesystem>

namespace ipmp {

std::string program_path() {
    std::error_code error;
    std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "/" : path;
}

std::string beside_program(const std::string& relative) {
    std::string path = program_path();
    return path.substr(0, path.rfind('/') + 1) + relative;
}

}  // namespace ipmp
