#include "tui/line_editor.h"

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <iterator>

#include <poll.h>
#include <unistd.h>

#include <dlfcn.h>
#include <histedit.h>
#include <locale.h>

namespace perdure {
namespace {

constexpr int kHistoryLines = 1'000;
constexpr int kPasteGapMs = 20;
constexpr const char* kMorePrompt = "| ";

// Loaded when a chat begins: no other command should wait for it.
struct EditLibrary {
  decltype(&::el_init) el_init;
  decltype(&::el_end) el_end;
  decltype(&::el_gets) el_gets;
  decltype(&::el_set) el_set;
  decltype(&::el_get) el_get;
  decltype(&::history_init) history_init;
  decltype(&::history) history;
  decltype(&::history_end) history_end;

  /// Null where this system has no libedit: lines are then read without editing.
  static const EditLibrary* get();
};

template <class Function>
bool find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

const EditLibrary* EditLibrary::get() {
  static EditLibrary edit{};
  static const bool loaded = [] {
    void* library = ::dlopen("libedit.so.2", RTLD_LAZY | RTLD_LOCAL);
    return library != nullptr && find(library, edit.el_init, "el_init") &&
           find(library, edit.el_end, "el_end") && find(library, edit.el_gets, "el_gets") &&
           find(library, edit.el_set, "el_set") && find(library, edit.el_get, "el_get") &&
           find(library, edit.history_init, "history_init") &&
           find(library, edit.history, "history") && find(library, edit.history_end, "history_end");
  }();
  return loaded ? &edit : nullptr;
}

// libedit reads characters as the locale of its thread says. The program has none but "C"; what is
// typed is UTF-8.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_ = nullptr;
  locale_t before_ = nullptr;
};

// 1 with a byte of standard input, 0 at its end, -1 when it fails or a signal waits.
int read_byte(int wake_descriptor, char& byte) {
  pollfd waits[2] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                     {.fd = wake_descriptor, .events = POLLIN, .revents = 0}};
  while (::poll(waits, 2, -1) < 0) {
    if (errno != EINTR) return -1;
  }
  if (waits[1].revents != 0) return -1;
  return static_cast<int>(::read(STDIN_FILENO, &byte, 1));
}

// Nobody types this fast: the next line of a text that was pasted.
bool more_is_there() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, kPasteGapMs) == 1 && (input.revents & POLLIN) != 0;
}

std::optional<std::string> read_plain_line(int wake_descriptor) {
  std::string line;
  char c = 0;
  while (true) {
    const int got = read_byte(wake_descriptor, c);
    if (got < 0) return std::string();
    if (got == 0) return line.empty() ? std::nullopt : std::optional(line);
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace

struct LineEditor::Impl {
  Utf8Locale locale;  // as long as the editor lives
  std::string history_file;
  int wake_descriptor = -1;
  bool interrupted = false;
  std::string prompt;
  EditLine* editor = nullptr;
  History* history = nullptr;
  const EditLibrary* edit = nullptr;  // null: plain lines

  static Impl& of(EditLine* editor) {
    void* data = nullptr;
    EditLibrary::get()->el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<Impl*>(data);
  }
  std::optional<std::string> read_edited_line();
  static const char* prompt_of(EditLine* editor) { return of(editor).prompt.c_str(); }
  static int read_character(EditLine* editor, wchar_t* character);
};

// What libedit calls for each key: 1 with a character, 0 at the end of input, -1 to give up.
int LineEditor::Impl::read_character(EditLine* editor, wchar_t* character) {
  Impl& impl = of(editor);
  std::mbstate_t state{};
  while (true) {
    char byte = 0;
    const int got = read_byte(impl.wake_descriptor, byte);
    impl.interrupted = got < 0;
    if (got <= 0) return got;
    constexpr auto kIncomplete = static_cast<std::size_t>(-2);
    constexpr auto kInvalid = static_cast<std::size_t>(-1);
    const std::size_t decoded = std::mbrtowc(character, &byte, 1, &state);
    if (decoded == kIncomplete) continue;
    if (decoded != kInvalid) return 1;
    state = {};  // what is no UTF-8 is dropped
  }
}

LineEditor::LineEditor(std::string history_file, int wake_descriptor)
    : impl_(std::make_unique<Impl>()) {
  impl_->history_file = std::move(history_file);
  impl_->wake_descriptor = wake_descriptor;
  if (::isatty(STDIN_FILENO) == 1) impl_->edit = EditLibrary::get();
  if (impl_->edit == nullptr) return;
  const EditLibrary& edit = *impl_->edit;
  HistEvent event;
  impl_->history = edit.history_init();
  edit.history(impl_->history, &event, H_SETSIZE, kHistoryLines);
  edit.history(impl_->history, &event, H_SETUNIQUE, 1);
  if (!impl_->history_file.empty()) {
    edit.history(impl_->history, &event, H_LOAD, impl_->history_file.c_str());
  }
  impl_->editor = edit.el_init("perdure", stdin, stderr, stderr);
  edit.el_set(impl_->editor, EL_CLIENTDATA, impl_.get());
  edit.el_set(impl_->editor, EL_PROMPT, &Impl::prompt_of);
  edit.el_set(impl_->editor, EL_GETCFN, &Impl::read_character);
  edit.el_set(impl_->editor, EL_EDITOR, "emacs");
  edit.el_set(impl_->editor, EL_HIST, edit.history, impl_->history);
  edit.el_set(impl_->editor, EL_SIGNAL, 1);
}

LineEditor::~LineEditor() {
  if (impl_->editor != nullptr) impl_->edit->el_end(impl_->editor);
  if (impl_->history != nullptr) impl_->edit->history_end(impl_->history);
}

std::optional<std::string> LineEditor::Impl::read_edited_line() {
  interrupted = false;
  int count = 0;
  const char* text = edit->el_gets(editor, &count);
  if (interrupted) return std::string();
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<std::size_t>(count));
  if (!line.empty() && line.back() == '\n') line.pop_back();
  if (!line.empty()) {
    HistEvent event;
    edit->history(history, &event, H_ENTER, line.c_str());
    if (!history_file.empty()) edit->history(history, &event, H_SAVE, history_file.c_str());
  }
  return line;
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  if (impl_->edit == nullptr) return read_plain_line(impl_->wake_descriptor);
  impl_->prompt = prompt;
  std::optional<std::string> text = impl_->read_edited_line();
  impl_->prompt = kMorePrompt;
  while (text && !impl_->interrupted && more_is_there()) {
    const std::optional<std::string> line = impl_->read_edited_line();
    if (impl_->interrupted) return std::string();
    if (!line) break;
    *text += "\n" + *line;
  }
  return text;
}

}  // namespace perdure
