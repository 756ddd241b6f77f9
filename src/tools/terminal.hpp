// The terminal as a full screen of styled lines: plain escape sequences that every terminal of today knows (ECMA-48 and
// the alternate screen of xterm). What it was before comes back when this ends.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "render/top_screen.hpp"

namespace ipmp {

// With escape sequences for colours.
std::string coloured_text(const StyledLine& line);

// Columns and lines of standard output; 80 and 24 if it does not say.
std::pair<std::size_t, std::size_t> screen_size();

class FullScreen {
  public:
    FullScreen();
    ~FullScreen();
    FullScreen(const FullScreen&) = delete;
    FullScreen& operator=(const FullScreen&) = delete;

    // False: the terminal is gone.
    bool paint(const std::vector<StyledLine>& lines);

  private:
    std::optional<termios> before_;
};

}  // namespace ipmp
