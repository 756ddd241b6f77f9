#include "tools/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace ipmp {

namespace {

constexpr const char* kEnter = "\033[?1049h\033[?25l";  // alternate screen, no cursor
constexpr const char* kLeave = "\033[?25h\033[?1049l";
constexpr const char* kHome = "\033[H";
constexpr const char* kClearLine = "\033[K";
constexpr const char* kClearBelow = "\033[J";
constexpr const char* kPlain = "\033[0m";

const char* start_of(Style style) {
    switch (style) {
        case Style::plain:
            break;
        case Style::heading:
            return "\033[1m";
        case Style::dim:
            return "\033[2m";
        case Style::good:
            return "\033[32m";
        case Style::warning:
            return "\033[33m";
        case Style::bad:
            return "\033[31m";
    }
    return "";
}

bool write_all(const std::string& text) {
    for (std::size_t written = 0; written < text.size();) {
        ssize_t count = write(STDOUT_FILENO, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        written += static_cast<std::size_t>(count);
    }
    return true;
}

}  // namespace

std::string coloured_text(const StyledLine& line) {
    std::string text;
    for (const Span& span : line) {
        std::string start = start_of(span.style);
        text += start + span.text + (start.empty() ? "" : kPlain);
    }
    return text;
}

std::pair<std::size_t, std::size_t> screen_size() {
    winsize window{};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0;
    if (!known) return {80, 24};
    return {window.ws_col, window.ws_row};
}

// Keys come one at a time and are not shown; ^C stays a signal.
FullScreen::FullScreen() {
    termios settings{};
    if (tcgetattr(STDIN_FILENO, &settings) == 0) {
        before_ = settings;
        settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    }
    write_all(kEnter);
}

FullScreen::~FullScreen() {
    write_all(kLeave);
    if (before_) tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

bool FullScreen::paint(const std::vector<StyledLine>& lines) {
    std::string text = kHome;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        text += (i == 0 ? "" : "\r\n") + coloured_text(lines[i]) + kClearLine;
    }
    return write_all(text + kClearBelow);
}

}  // namespace ipmp
