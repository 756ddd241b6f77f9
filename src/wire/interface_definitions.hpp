// The texts of the .varlink files of this folder, as the daemon serves them.
#pragma once

namespace ipmp {

extern const char* const kMpathdDefinition;
extern const char* const kServiceDefinition;
extern const char* const kVersion;

}  // namespace ipmp
