// `ipmp top`: groups, NICs, probes and traffic on a full screen, until `q`, a signal, or the loss of the terminal.
#pragma once

namespace ipmp {

// `once`: one screen after a second, without taking the terminal over. The exit code.
int top(bool once);

}  // namespace ipmp
