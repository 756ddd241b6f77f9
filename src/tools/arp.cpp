// arp with the Solaris grammar (R-CMD-3): see arp_run.hpp.

#include "tools/arp_run.hpp"

int main(int argc, char** argv) { return print(ipmp::run_arp({argv + (argc > 0 ? 1 : 0), argv + argc}), "arp"); }
