#include "tests/fuzz/targets.h"

#include <array>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/path.h"
#include "base/think_block.h"
#include "base/utf8.h"
#include "core/run.h"
#include "json/parse.h"
#include "json/pattern.h"
#include "json/reader.h"
#include "json/schema/schema.h"
#include "mock/http_request.h"
#include "mock/script.h"
#include "model/anthropic_request.h"
#include "model/leaked_calls.h"
#include "model/reply_reader.h"
#include "model/schema_dialect.h"
#include "net/retry.h"
#include "net/sse.h"
#include "net/url.h"
#include "runtime/agent_file.h"
#include "tools/calculate.h"
#include "tools/command_tool.h"
#include "tools/edit_match.h"
#include "tools/output_limit.h"

namespace perdure::fuzz {
namespace {

// The parts of an input that a line with "--" separates; at least `count` of them.
std::vector<std::string_view> parts(std::string_view bytes, std::size_t count) {
  constexpr std::string_view kMark = "\n--\n";
  std::vector<std::string_view> list;
  while (list.size() + 1 < count) {
    const std::size_t mark = bytes.find(kMark);
    list.push_back(bytes.substr(0, mark));
    bytes = mark == std::string_view::npos ? std::string_view() : bytes.substr(mark + kMark.size());
  }
  list.push_back(bytes);
  return list;
}

std::string events_of(std::string_view bytes, std::size_t piece) {
  std::string log;
  SseParser parser([&](const SseEvent& event) {
    log += std::string(event.type) + "\t" + std::string(event.data) + "\n";
  });
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!parser.feed(bytes.substr(at, piece)).ok()) break;
  }
  return log;
}

void event_stream(std::string_view bytes) {
  CHECK(events_of(bytes, bytes.size() + 1) == events_of(bytes, 1), "a cut changes no event");
}

Result<ModelReplied> reply_of(const HostProfile& host, std::string_view bytes, std::size_t piece) {
  json::Reader json;
  const ReplyContext context{.thinking = Thinking::kOn};
  ReplyReader reader(json, host, context, nullptr);
  reader.take_head({.status = 200});
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(bytes.substr(at, piece))) break;
  }
  return reader.finish({}, 0);
}

// A reply, read in whole and byte by byte; what goes back of it, or nothing.
std::string reply_at(const HostProfile& host, std::string_view bytes) {
  const Result<ModelReplied> whole = reply_of(host, bytes, bytes.size() + 1);
  const Result<ModelReplied> pieces = reply_of(host, bytes, 1);
  CHECK(whole.ok() == pieces.ok(), "a cut changes no verdict");
  if (!whole.ok()) return {};
  CHECK(whole->fragment == pieces->fragment, "a cut changes no byte");
  if (whole->fragment.empty()) return {};
  const Result<Json> fragment = json::parse(whole->fragment);
  CHECK(fragment.ok() && fragment->value("role", "") == "assistant", "a fragment is a message");
  const Json calls = fragment->value("tool_calls", Json::array());
  CHECK(calls.size() == whole->calls.size(), "every call goes back");
  for (const Json& call : calls) {
    const Result<Json> arguments =
        json::parse(call["function"]["arguments"].get_ref<const std::string&>());
    CHECK(arguments.ok() && arguments->is_object(), "arguments that go back are objects");
    CHECK(!call["id"].get_ref<const std::string&>().empty(), "every call that goes back has an id");
  }
  return whole->fragment;
}

void reply(std::string_view bytes) {
  static const HostProfile host = {.reasoning_required = true};
  (void)reply_at(host, bytes);
}

void messages(std::string_view bytes) {
  static const HostProfile host = {.dialect = Dialect::kAnthropic, .reasoning_required = true};
  const std::string fragment = reply_at(host, bytes);
  if (fragment.empty()) return;
  Transcript transcript;
  transcript.append(message_fragment("user", "Go."));
  transcript.append(fragment);
  AnthropicHistory history("{", host);
  const HttpBody body = body_of(history.text(transcript, "]}"));
  std::string request;
  for (std::size_t i = 0; i < body.parts(); ++i) request += body.part(i);
  request.erase(1, 1);  // the comma behind an empty head
  CHECK(json::parse(request).ok(), "what goes back is a request");
}

void json_text(std::string_view bytes) {
  const Result<Json> value = json::parse(bytes);
  json::Reader reader;
  const Result<json::Value> view = reader.parse(bytes);
  if (view.ok()) (void)view->text();
  if (!value.ok()) return;
  const std::string text = json::dump(*value);
  const Result<Json> again = json::parse(text);
  CHECK(again.ok() && json::dump(*again) == text, "what is written reads back");
}

void schema(std::string_view bytes) {
  const auto texts = parts(bytes, 2);
  const Result<Json> source = json::parse(texts[0]);
  const Result<Json> value = json::parse(texts[1]);
  if (!source.ok()) return;
  const Result<Schema> compiled = Schema::compile(*source);
  if (compiled.ok() && value.ok()) (void)compiled->validate(*value);
  const Result<NormalizedSchema> once = normalize_schema(*source, SchemaDialect::kMfjs);
  if (!once.ok()) return;
  const Result<NormalizedSchema> twice = normalize_schema(once->schema, SchemaDialect::kMfjs);
  CHECK(twice.ok() && twice->schema == once->schema, "normalizing twice changes nothing");
}

void pattern(std::string_view bytes) {
  const auto texts = parts(bytes, 2);
  for (const PatternDialect dialect : {PatternDialect::kEcma, PatternDialect::kPerl}) {
    const Result<Pattern> compiled = Pattern::compile(texts[0], {.dialect = dialect});
    if (compiled.ok()) (void)compiled->matches(texts[1]);
  }
}

void agent_file(std::string_view bytes) {
  (void)read_agent_layer(bytes, "agent.toml", "/agents", {});
}

void mock_script(std::string_view bytes) {
  (void)parse_mock_script(bytes, "script.toml");
}

void url(std::string_view bytes) {
  const Result<Url> parsed = parse_url(std::string(bytes));
  if (!parsed.ok()) return;
  CHECK(!parsed->host.empty() && parsed->host.find_first_of("/@\\ ") == std::string::npos,
        "a host is a name or an address");
}

void path(std::string_view bytes) {
  const auto texts = parts(bytes, 2);
  (void)glob_match(texts[0], texts[1]);
  const Result<std::string> relative = relative_path("/work/project", texts[0]);
  if (!relative.ok()) return;
  const std::string walled = "/" + *relative + "/";
  CHECK((*relative)[0] != '/' && walled.find("/../") == std::string::npos,
        "a relative path stays below its root");
  const Result<std::string> again = relative_path("/work/project", *relative);
  CHECK(again.ok() && *again == *relative, "a canonical path is its own canonical form");
}

void expression(std::string_view bytes) {
  (void)calculate(bytes);
}

void edit(std::string_view bytes) {
  const auto texts = parts(bytes, 3);
  for (const EditPlaces places : {EditPlaces::kOne, EditPlaces::kAll}) {
    const Result<EditedText> edited =
        apply_edit(texts[0], {.old_text = texts[1], .new_text = texts[2], .places = places});
    if (edited.ok()) CHECK(edited->places >= 1, "an edit that is made has a place");
  }
}

// Lines "kind payload" as a journal would hold them.
void journal(std::string_view bytes) {
  Run run;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
    const std::size_t space = std::min(line.find(' '), line.size());
    const Result<RunEvent> event =
        decode(line.substr(0, space), line.substr(std::min(line.size(), space + 1)));
    if (!event.ok()) continue;
    (void)apply(run, *event);
    const std::string payload = encode(*event);
    const Result<RunEvent> again = decode(kind_of(event->body), payload);
    CHECK(again.ok() && encode(*again) == payload, "what is encoded decodes to the same");
  }
}

void http_request(std::string_view bytes) {
  mock::RequestReader whole;
  whole.feed(bytes);
  mock::RequestReader pieces;
  for (const char byte : bytes) pieces.feed({&byte, 1});
  const auto first = whole.take();
  const auto second = pieces.take();
  CHECK(first.has_value() == second.has_value(), "a cut changes no verdict");
  CHECK(!first || first->body == second->body, "a cut changes no byte");
}

void retry_after(std::string_view bytes) {
  const std::optional<std::int64_t> wait = retry_after_in_message(bytes);
  CHECK(!wait || *wait >= 0, "nobody waits for less than nothing");
}

void argv_template(std::string_view bytes) {
  const auto texts = parts(bytes, 2);
  const Result<Json> arguments = json::parse(texts[1]);
  if (!arguments.ok() || !arguments->is_object()) return;
  const CommandTool command{.argv = {"program", std::string(texts[0])}, .directory = "/agents"};
  const Result<std::vector<std::string>> argv = fill_argv(command, *arguments);
  if (!argv.ok()) return;
  for (const std::string& element : *argv) {
    CHECK(element.find('\0') == std::string::npos, "no argument ends early");
  }
}

void text(std::string_view bytes) {
  const std::string valid = to_valid_utf8(bytes);
  CHECK(to_valid_utf8(valid) == valid, "valid text stays as it is");
  for (const char shown_byte : printable(valid)) {
    const auto byte = static_cast<unsigned char>(shown_byte);
    CHECK(byte >= 0x20 && byte != 0x7F, "what is shown holds no control character");
  }
  const std::string shown = shown_part(valid, 512, "1.0");
  CHECK(to_valid_utf8(shown) == shown, "a cut never falls inside a character");
}

// The text of a reply, which may hold calls in the model's own tokens.
void leaked_calls(std::string_view bytes) {
  const LeakedCalls found = find_leaked_calls(bytes);
  CHECK(found.leak != Leak::kNone || (found.calls.empty() && found.text == bytes),
        "text without a leak stays as it is");
  CHECK(found.leak != Leak::kWhole || !found.calls.empty(), "a whole leak has a call");
  for (const LeakedCall& call : found.calls) CHECK(!call.name.empty(), "a call has a name");
  LeakGuard whole;
  const std::string shown(whole.release(bytes));
  CHECK(bytes.starts_with(shown), "what is shown is the beginning");
  LeakGuard guard;
  std::string pieces;
  for (std::size_t size = 1; size <= bytes.size(); ++size)
    pieces += guard.release(bytes.substr(0, size));
  CHECK(pieces == shown, "a cut shows no more and no less");
  CHECK(found.text.starts_with(shown), "what was shown is no leak");
}

// The content of a reply, which may begin with thinking.
void think_block(std::string_view bytes) {
  ThinkBlock whole;
  const ThinkBlock::Piece all = whole.release(bytes, ThinkBlock::More::kNone);
  ThinkBlock pieces;
  std::string reasoning;
  std::string text;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ThinkBlock::Piece piece =
        pieces.release(bytes.substr(0, size),
                       size < bytes.size() ? ThinkBlock::More::kMayCome : ThinkBlock::More::kNone);
    reasoning += piece.reasoning;
    text += piece.text;
  }
  CHECK(reasoning == all.reasoning && text == all.text, "a cut changes nothing");
}

constexpr std::array kTargets = {Target{"agent_file", agent_file},
                                 Target{"argv_template", argv_template},
                                 Target{"edit", edit},
                                 Target{"event_stream", event_stream},
                                 Target{"expression", expression},
                                 Target{"http_request", http_request},
                                 Target{"journal", journal},
                                 Target{"json_text", json_text},
                                 Target{"leaked_calls", leaked_calls},
                                 Target{"messages", messages},
                                 Target{"mock_script", mock_script},
                                 Target{"path", path},
                                 Target{"pattern", pattern},
                                 Target{"reply", reply},
                                 Target{"retry_after", retry_after},
                                 Target{"schema", schema},
                                 Target{"text", text},
                                 Target{"think_block", think_block},
                                 Target{"url", url}};

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

}  // namespace perdure::fuzz
