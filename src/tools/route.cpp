// route with the Solaris grammar (R-CMD-4): see route_run.hpp.

#include "tools/route_run.hpp"

int main(int argc, char** argv) { return print(ipmp::run_route({argv + (argc > 0 ? 1 : 0), argv + argc}), "route"); }
