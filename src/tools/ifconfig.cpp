// ifconfig with the Solaris grammar (R-CMD-1): see ifconfig_run.hpp.

#include "tools/ifconfig_run.hpp"

int main(int argc, char** argv) {
    return print(ipmp::run_ifconfig({argv + (argc > 0 ? 1 : 0), argv + argc}), "ifconfig");
}
