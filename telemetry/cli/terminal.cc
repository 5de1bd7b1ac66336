#include "telemetry/cli/terminal.h"

#include <curses.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include <cstddef>

#include "absl/memory/memory.h"

namespace amdgpu::cli {
namespace {

// The windows library's own, kept so that it can be freed.
SCREEN* screen = nullptr;

attr_t AttributesOf(Line::Style style) {
  switch (style) {
    case Line::Style::kTitle:
      return A_BOLD;
    case Line::Style::kHeading:
      return A_REVERSE;
    case Line::Style::kFaint:
      return A_DIM;
    case Line::Style::kAlert:
      return A_BOLD | COLOR_PAIR(1);
    case Line::Style::kPlain:
      break;
  }
  return A_NORMAL;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return absl::FailedPreconditionError("this is no terminal: use --json or --stream");
  }
  setlocale(LC_ALL, "");
  screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    return absl::FailedPreconditionError(
        "the terminal's kind ($TERM) is not known: use --json or --stream");
  }
  cbreak();
  noecho();
  curs_set(0);
  keypad(stdscr, TRUE);
  if (has_colors()) {
    start_color();
    use_default_colors();
    init_pair(1, COLOR_RED, -1);
  }
  return absl::WrapUnique(new Terminal());
}

Terminal::~Terminal() {
  endwin();
  delscreen(screen);
  screen = nullptr;
}

int Terminal::width() const { return getmaxx(stdscr); }
int Terminal::height() const { return getmaxy(stdscr); }

void Terminal::Draw(const std::vector<Line>& lines) {
  erase();
  for (std::size_t row = 0; row < lines.size(); ++row) {
    const attr_t attributes = AttributesOf(lines[row].style);
    attrset(static_cast<int>(attributes));
    mvaddstr(static_cast<int>(row), 0, lines[row].text.c_str());
  }
  attrset(A_NORMAL);
  refresh();
}

int Terminal::ReadKey(int milliseconds) {
  timeout(milliseconds);
  const int key = getch();
  return key > 0 && key < 128 ? key : 0;
}

}  // namespace amdgpu::cli
