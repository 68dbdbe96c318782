#!/usr/bin/env python3
"""Tests of the tidy test: for every rule a planted violation that it must find, and a near miss.

A checker that finds nothing looks just like a tidy tree, so each rule is broken once here. A near
miss is the closest thing that is allowed; the whole checker must be silent about it.
"""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cpp_source  # noqa: E402
import layer_table  # noqa: E402
import tidy  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]

TABLE_HEAD = f"""# A tree

{layer_table.HEADING}

| folder | layer | may include | third-party headers |
|---|---|---|---|
"""
TABLE = TABLE_HEAD + """\
| `values`: `export.h` `result.h` `run.h` | public | `values` | |
| `api`: `agent.h` | public | `values` `api` | `nlohmann/json.hpp` |
| `src/*` | all | `values` | `nlohmann/` |
| `src/*.cc` | all | | `fmt/` |
| `src/*_test.cc` | all | `tests/support` | `gtest/` `gmock/` |
| `base` | L0 | `base` | `openssl/` |
| `core` | L2 | `base` `core` | |
| `net` | L2 | `base` `net` | `curl/` |
| `store` | L2 | `base` `core` (event types) `store` | |
| `store/sqlite` | L2 | the same as store | `sqlite3.h` |
| `runtime` | L4 | `api` `base` `core` `net` `runtime` | |
| `cli` | L5 | `api` `base` `cli` | `CLI/` |
| `examples` | outside | `values` `api` | |
| `tests` | outside | `everything` | `everything` |
| `bench` | outside | `everything` | `everything` |
"""

HEADER = "// A header of the sources: what it is and why.\n#pragma once\n"
PUBLIC = "// What an embedder reads first about this part,\n// and who owns it.\n#pragma once\n"
HTTP = {"src/net/http.h": HEADER}
AGENT = {"include/perdure/agent.h": PUBLIC}


class Case(NamedTuple):
    """Files by path. `violation` has exactly one finding, of this rule; `near_miss` has none."""

    rule: str
    violation: dict[str, str]
    near_miss: dict[str, str]


def source(text: str, path: str = "src/base/a.cc") -> dict[str, str]:
    return {path: text}


def function(lines: int) -> str:
    """A function of so many lines, with all that could confuse whoever counts braces."""
    tricks = ["  // }", '  f("}", R"x(\n}\n)x", \'}\');', "  auto g = [] { return Size{1}; };"]
    body = tricks + ["  ++total;"] * (lines - 8) + ["  if (total) {}"]
    return "int Tally::run(int total) const {\n" + "\n".join(body) + "\n}\n"


def public_headers(count: int) -> dict[str, str]:
    names = " ".join(f"`h{i}.h`" for i in range(count))
    table = TABLE + f"| `more`: {names} | public | `values` | |\n"
    headers = {f"include/perdure/h{i}.h": PUBLIC for i in range(count)}
    return {"ARCHITECTURE.md": table, "include/perdure/export.h": PUBLIC, **headers}


CASES = [
    Case("table",
         {"ARCHITECTURE.md": TABLE.replace("`core` | L2 | `base`", "`core` | L2 | `base` `cli`")},
         {"ARCHITECTURE.md": TABLE.replace("`net` | L2 | `base`", "`net` | L2 | `base` `core`")}),
    Case("table", {"ARCHITECTURE.md": TABLE.replace("`base` `cli`", "`base` `clii`")},
         {"ARCHITECTURE.md": TABLE.replace("`base` `cli`", "`base` `cli` (clii)")}),
    Case("table",
         {"ARCHITECTURE.md": TABLE.replace("`base` `core` |", "`base` `core` `store` |", 1)},
         {"ARCHITECTURE.md": TABLE.replace("`base` `core` |", "`core` `base` |", 1)}),
    Case("table", {"ARCHITECTURE.md": TABLE + "| `web` | L5 | `base` |\n"},
         {"ARCHITECTURE.md": TABLE + "| `web` | L5 | `base` | |\n\n| `other` | table |\n"}),
    Case("table", {"ARCHITECTURE.md": "# No table\n"}, {"ARCHITECTURE.md": TABLE}),
    Case("layer", source('#include "net/http.h"\n') | HTTP,
         source('#include "net/http.h"\n', "src/runtime/a.cc") | HTTP),
    Case("layer", source('#include "../net/http.h"\n') | HTTP,
         source('// #include "../net/http.h"\n') | HTTP),
    Case("layer", source("#include <net/http.h>\n") | HTTP, source("#include <net/if.h>\n") | HTTP),
    Case("layer", source("#include <perdure/agent.h>\n") | AGENT,
         source("#include <perdure/agent.h>\n", "examples/a.cc") | AGENT),
    Case("layer", source('#include "tests/support/x.h"\n') | {"tests/support/x.h": HEADER},
         source('#include "tests/support/x.h"\n', "src/base/a_test.cc")
         | {"tests/support/x.h": HEADER, "src/base/a.h": HEADER}),
    Case("layer", source('#include "net/http.h"\n', "src/unknown/a.cc") | HTTP,
         source("int x;\n", "src/base/deep/a.cc")),
    Case("layer", {"include/perdure/other.h": PUBLIC}, {"include/perdure/run.h": PUBLIC}),
    Case("third-party", source("#include <sqlite3.h>\n", "src/store/a.cc"),
         source("#include <sqlite3.h>\n", "src/store/sqlite/a.cc")),
    Case("third-party", source(HEADER + "#include <fmt/format.h>\n", "src/base/a.h"),
         source("#include <fmt/format.h>\n#include <nlohmann/json.hpp>\n#include <vector>\n")),
    Case("third-party", source("#include <boost/asio.hpp>\n"),
         source("#include <sys/types.h>\n#include <fcntl.h>\n")),
    Case("third-party", source("#include <gtest/gtest.h>\n"),
         source("#include <gtest/gtest.h>\n#include <uv.h>\n", "tests/a.cc")),
    Case("third-party", source("#include <CLI/CLI.hpp>\n", "examples/a.cc"),
         source("#include <CLI/CLI.hpp>\n", "src/cli/a.cc")),
    Case("missing-include", source('#include "base/gone.h"\n'),
         source('#include "b.h"\n#include "base/b.h"\n') | {"src/base/b.h": HEADER}),
    Case("missing-include", source("#include <perdure/gone.h>\n"),
         source('const char* text = R"(\n#include "base/gone.h"\n)";\n')),
    Case("pragma-once", source("// A header.\nint x;\n", "src/base/a.h"),
         source("// A header.\n#  pragma once\n", "src/base/a.h")),
    Case("unnamed-namespace",
         source("// A header.\n#pragma once\nnamespace {\nint x;\n}\n", "src/base/a.h"),
         source("// A header.\n#pragma once\nnamespace test {\nint x;\n}\n", "src/base/a.h")),
    Case("header-comment", source("#pragma once\n// Late.\n", "src/base/a.h"),
         source("\n/* A header. */\n#pragma once\n", "src/base/a.h")),
    Case("public-prose", {"include/perdure/run.h": "// One line that says it is not enough.\n//\n"
                          "//   run(one, two, three);\n//   run(four, five);\n#pragma once\n"},
         {"include/perdure/run.h": "// A title.\n//\n// And then a paragraph that goes over\n"
          "// two lines.\n#pragma once\n"}),
    Case("public-prose", {"include/perdure/run.h": "#pragma once\n" + PUBLIC},
         {"include/perdure/run.h": "\n" + PUBLIC}),
    Case("public-count", public_headers(16), public_headers(15)),
    Case("coroutine", source("Task f() { co_return 1; }\n"),
         source("// co_await\nint my_co_await;\n")),
    Case("std-regex", source("std::regex_match(text, pattern);\n"), source("regex_match(text);\n")),
    Case("std-regex", source("#include <regex>\n"), source("#include <regex.h>\n")),
    Case("iostream", source("#include <iostream>\n", "src/cli/a.cc"),
         source("#include <iostream>\n", "tests/a.cc") | source("#include <ostream>\n")),
    Case("using-namespace", source("using  namespace std;\n", "tests/a.cc"),
         source('using std::string; const char* a = "using namespace";\n', "tests/a.cc")),
    Case("detach", source("worker.detach();\n"), source("watch.detached(); // thread.detach()\n")),
    Case("sleep", source("std::this_thread::sleep_for(ms);\n", "tests/a.cc"),
         source('run("sleep_for(1)"); clock.sleep(1); int asleep(int);\n', "tests/a.cc")),
    Case("sleep", source("::usleep(1);\n"), source("int usleep_count = 0;\n")),
    Case("sleep", source("poll(nullptr, 0, 100);\n"), source("poll(&files, 1, 100);\n")),
    Case("sleep", {"tests/a.py": "import time\ntime.sleep(1)\n"},
         {"tests/a.py": "# time.sleep(1)\ntext = 'time.sleep(1)'\n"}),
    Case("raw-new", source("auto* a = new\n    Thing(1);\n"),
         source('#include <new>\nnew (place) Thing; f("new Thing"); int renew; // a new one\n')),
    Case("raw-new", source("auto* a = new (std::nothrow) Thing;\n"),
         source("void* operator new(Size); Thing(Thing&) =\n    delete;\n")),
    Case("raw-new", source("delete thing;\n"), source("void operator delete(void*);\n")),
    Case("process-wide", source("::setenv(a, b, 1);\n"),
         source("::setenv(a, b, 1);\n", "src/cli/a.cc")
         | source("::setenv(a, b, 1);\n", "tests/a.cc")),
    Case("process-wide", source("umask(0);\n"), source("fchdir(descriptor); spec.umask(0);\n")),
    Case("columns", source("// " + "x" * 98 + "\n"), source("// " + "ü" * 97 + "\n")),
    Case("file-size", {"tests/a.py": "\n" * 601}, {"tests/a.py": "\n" * 600}),
    Case("function-size", source(function(81)), source(function(80))),
    Case("function-size", source("class A {\n  auto f() -> int {\n" + "\n" * 80 + "  }\n};\n"),
         source("class A {\n  auto f() -> int;\n" + "\n" * 80 + "};\n")
         | source("const B b[] = {\n" + "\n" * 80 + "};\n", "src/base/b.cc")),
    Case("function-size", source("#if A\nint f() {\n#else\nint f(int) {\n#endif\n}\n"),
         source("#if A\nint f() {}\n#else\nint f(int) {}\n#endif\n#define OPEN {\n")),
    Case("core-size", {f"src/core/a{i}.h": HEADER + "\n" * 499 for i in range(8)},
         {f"src/core/a{i}.h": HEADER + "\n" * 498 for i in range(8)}
         | source("\n" * 100, "src/core/a1_test.cc")),
    Case("core-pure", source("#include <chrono>\n", "src/core/a.cc"),
         source("#include <vector>\n", "src/core/a.cc") | source("#include <chrono>\n")),
    Case("core-pure", source("#include <sys/stat.h>\n", "src/core/a.cc"),
         source("#include <random>\n", "src/core/a_test.cc") | {"src/core/a.h": HEADER}),
    Case("unbuilt",
         source("int x;\n") | {"CMakeLists.txt": "add(src/base/ba.cc # src/base/a.cc\n)"},
         source("int x;\n") | {"CMakeLists.txt": "", "src/CMakeLists.txt": "add(base/a.cc)\n"}),
    Case("lone-test", source("int x;\n", "src/base/gone_test.cc"),
         source("int x;\n", "src/base/a_test.cc") | {"src/base/a.h": HEADER}),
    Case("todo", source("int x;  // TODO: more\n"),
         source('int x;  // TODO(#12): more\nconst char* text = "TODO";\n')),
    Case("todo", {"notes.md": "A FIXME here.\n"},
         {"notes.md": "A `FIXME` here.\n\n```\nXXX\n```\n"}),
    Case("todo", {"tests/a.py": "x = 1  # XXX\n"}, {"tests/a.py": "x = 'XXX'  # XXX (#7)\n"}),
    Case("todo", {"a.toml": "# TODO\n"}, {"a.toml": 'x = "TODO"\n'}),
    Case("link", {"docs/a.md": "See [this](gone.md#part).\n"},
         {"docs/a.md": "See [this](../ARCHITECTURE.md#part), [that](#part), [docs](.),\n"
          "`[c](gone.md)`, [web](https://example.org/gone.md) [root](/docs/a.md \"A\").\n"}),
    Case("link", {"a.md": "[this]: gone.md\n"}, {"a.md": "[this]: a.md\n[^1]: gone.md\n"}),
    Case("link", {"a.md": '<img src="gone.png">\n'}, {"a.md": '<img src="a.png">\n', "a.png": ""}),
    Case("link", {"a.md": "[outside](../../etc)\n"}, {"tests/corpus/a.md": "[x](gone.md)\n"}),
    Case("word", {"a.md": "Here it is Forbidden.\n"}, {"a.md": "Unforbidden.\n"}),
    Case("word", {"a/forbidden.bin": "x\n"}, {"a/forbiddenness.bin": "x\n"}),
]

# Every spelling that a rule knows beside those of the cases; each must be found in src/core.
SPELLINGS = {
    "coroutine": ("co_await f();", "co_yield 1;", "co_return;"),
    "std-regex": ("std::regex a;", "std::wregex a;", "std :: basic_regex<char> a;"),
    "detach": ("a.detach();", "a->detach();", "pthread_detach(a);"),
    "sleep": ("sleep(1);", "::usleep(1);", "nanosleep(&a, &b);", "clock_nanosleep(a);",
              "uv_sleep(1);", "std::this_thread::sleep_for(a);", "sleep_until(a);",
              "poll(NULL, 0, 1);", "select(0, a, b, c, d);"),
    "raw-new": ("new A;", "new A[3];", "new(std::nothrow) A;", "delete a;", "delete[] a;"),
    "process-wide": ("setenv(a);", "unsetenv(a);", "std::putenv(a);", "clearenv();", "::chdir(a);",
                     "setlocale(a);", "umask(0);", "std::locale::global(a);"),
    "todo": ("// TODO", "/* FIXME: a */", "// XXX", "// TODO(name)", "// TODO(12)"),
    "core-pure": tuple(f"#include <{name}>" for name in (
        "chrono", "thread", "mutex", "fstream", "random", "locale", "ctime", "time.h", "unistd.h",
        "sys/socket.h", "linux/fs.h", "netinet/in.h", "filesystem", "atomic", "cstdio")),
}


@contextlib.contextmanager
def planted(files: dict[str, str]):
    """A temporary tree with these files, the table, and a CMakeLists.txt that builds them all."""
    built = " ".join(path for path in files if path.endswith(".cc"))
    defaults = {"ARCHITECTURE.md": TABLE, "CMakeLists.txt": f"add_library(all {built})\n"}
    with tempfile.TemporaryDirectory() as folder:
        for path, text in (defaults | files).items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        yield Path(folder)


def run(*arguments: str) -> tuple[int, str]:
    """The exit status and the output of the script."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = tidy.main(list(arguments))
    return status, output.getvalue()


class RulesTest(unittest.TestCase):
    def test_violations_are_found(self):
        for case in CASES:
            files = case.violation
            with self.subTest(rule=case.rule, files=files), planted(files) as root:
                findings = tidy.check(root, words=["forbidden"])
                self.assertEqual([finding.rule for finding in findings], [case.rule])

    def test_near_misses_are_not_found(self):
        for case in CASES:
            files = case.near_miss
            with self.subTest(rule=case.rule, files=files), planted(files) as root:
                self.assertEqual(tidy.check(root, words=["forbidden"]), [])

    def test_every_rule_has_a_case(self):
        self.assertEqual({case.rule for case in CASES}, set(tidy.RULES))

    def test_every_ban_has_a_case_of_its_own(self):
        for ban in tidy.BANS:
            cases = [case for case in CASES if case.rule == ban.rule]
            texts = [text for case in cases for text in case.violation.values()]
            self.assertTrue(any(list(ban.hits(text)) for text in texts), ban.pattern)

    def test_every_spelling_is_found(self):
        for rule, spellings in SPELLINGS.items():
            for text in spellings:
                files = source(text + "\n", "src/core/a.cc")
                with self.subTest(rule=rule, text=text), planted(files) as root:
                    self.assertEqual([finding.rule for finding in tidy.check(root)], [rule])

    def test_finding_names_the_line(self):
        files = source('/* a\n b */ const char* text = R"(\n\n)";\nusing namespace std;\n')
        with planted(files) as root:
            self.assertEqual([(finding.path, finding.line) for finding in tidy.check(root)],
                             [("src/base/a.cc", 5)])
        with planted({"a.md": "```\n[a](b)\n```\n\n[a](b)\n"}) as root:
            self.assertEqual([finding.line for finding in tidy.check(root)], [5])

    def test_layer_finding_says_upward_and_what_is_permitted(self):
        with planted(source('#include "net/http.h"\n') | HTTP) as root:
            self.assertEqual([str(finding) for finding in tidy.check(root)], [
                "src/base/a.cc:1: layer: base (L0) includes src/net/http.h of net (L2), upward; "
                "base may include base, values: move the code down, or hand it in from above"])


class CompileCommandsTest(unittest.TestCase):
    def database(self, root: Path, *files: str) -> Path:
        """A database in a build folder: the first path is absolute, the others are relative."""
        folder = root / "build/release"
        folder.mkdir(parents=True)
        paths = [str(root / file) if i == 0 else f"../../{file}" for i, file in enumerate(files)]
        database = folder / "compile_commands.json"
        entries = [{"directory": str(folder), "file": path} for path in paths]
        database.write_text(json.dumps(entries))
        return database

    def test_decides_what_is_built_whatever_cmake_lists(self):
        with planted({f"src/base/{name}.cc": "int x;\n" for name in "abc"}) as root:
            self.database(root, "src/base/a.cc", "src/base/b.cc")
            status, output = run("--root", str(root))
            self.assertEqual(status, 1)
            self.assertRegex(output, r"\Asrc/base/c.cc:1: unbuilt: not in compile_commands.json: ")
            self.assertEqual(output.count("\n"), 1)

    def test_a_bundle_stands_for_what_it_includes(self):
        with planted({f"src/base/{name}.cc": "int x;\n" for name in "abc"}) as root:
            database = self.database(root, "src/base/a.cc", "build/release/unity_src_base_1_cxx.cxx")
            bundle = database.parent / "unity_src_base_1_cxx.cxx"
            bundle.write_text(f'#include "{root}/src/base/b.cc"\n')
            status, output = run("--root", str(root))
            self.assertEqual(status, 1)
            self.assertRegex(output, r"\Asrc/base/c.cc:1: unbuilt: ")
            self.assertEqual(output.count("\n"), 1)

    def test_given_file_is_read_instead(self):
        with planted(source("int x;\n")) as root:
            other = self.database(root, "src/base/a.cc").rename(root / "build/other.json")
            self.assertEqual(run("--root", str(root), "--compile-commands", str(other)), (0, ""))
            other.write_text("[]")
            self.assertEqual(run("--root", str(root), "--compile-commands", str(other))[0], 1)

    def test_given_file_must_exist(self):
        with planted({}) as root, contextlib.redirect_stderr(io.StringIO()):
            with self.assertRaises(SystemExit):
                run("--root", str(root), "--compile-commands", str(root / "gone.json"))

    def test_fuzzers_are_built_elsewhere_but_must_be_listed(self):
        listing = {"tests/CMakeLists.txt": "if(FUZZ)\n  fuzzer(fuzz/a.cc)\nendif()\n"}
        for name, rules in (("a", []), ("b", ["unbuilt"])):
            files = {"CMakeLists.txt": "", f"tests/fuzz/{name}.cc": "int x;\n"}
            with planted(files | listing) as root:
                findings = tidy.check(root, self.database(root, "src/base/a.cc"))
                self.assertEqual([finding.rule for finding in findings], rules)


class FunctionsTest(unittest.TestCase):
    def names(self, text: str) -> list[str]:
        return [function.name for function in cpp_source.functions(cpp_source.strip(text))]

    def test_names(self):
        for text, names in (
            ("class A { public: int f() {} private: enum B { b }; union C { int d; }; };", ["f"]),
            ("namespace a::b { int f() { if (x) { y(); } } }", ["f"]),
            ("struct A : B<int(int)> { A() : x_{1}, y_(f(2)) { g(); } int x_ = {}; };", ["A"]),
            ("A::A(int x) noexcept(true) : B<C>{x}, y_{[] { return 1; }} {}",
             ["lambda", "A::A"]),
            ("A::~A() = default; A::~A() {}", ["A::~A"]),
            ("bool A::operator==(const A& a) const { return true; }", ["A::operator=="]),
            ("void A::operator()(int) {} A::operator bool() const {}",
             ["A::operator()", "A::operator bool"]),
            ("template <class T = int> auto f(std::span<T> x = {}) -> std::map<T, int> {}", ["f"]),
            ("TEST_F(LoopTest, Stops) { run(); }", ["TEST_F(LoopTest, Stops)"]),
            ("DEFINE_TYPE(A, b)\nint main() {}", ["main"]),
            ("DEFINE_TYPE(A, b)\nclass B { void f() {} };", ["f"]),
            ("const std::map<int, std::function<void(int)>> kTable = {{1, [](int x) { f(x); }}};",
             ["lambda"]),
            ("const auto f = [](int x) mutable { return x; };", ["lambda"]),
            ("[[nodiscard]] inline int f() {} struct [[maybe]] A {}; enum class E : int { k = 1 };",
             ["f"]),
            ('extern "C" { void f(struct stat* s) {} } struct stat g(int x) {}', ["f", "g"]),
            ("int a{3}; Readiness b{.x = 1'000'000, .y = '\\''}; void f() {}", ["f"]),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.names(text), names)

    def test_lines_go_from_the_signature_to_the_brace(self):
        text = "class A {\n public:\n  // Why.\n  int f(int a,\n        int b) {\n  }\n};\n"
        code = cpp_source.strip(text)
        self.assertEqual(list(cpp_source.functions(code)), [("f", 4, 6)])

    def test_unmatched_braces_are_not_passed_over(self):
        for text in ("int f() {\n", "}\n", "namespace a {\n"):
            with self.subTest(text=text), self.assertRaises(cpp_source.UnmatchedBrace):
                self.names(text)


class StripTest(unittest.TestCase):
    def test_keeps_lines_and_drops_what_is_no_code(self):
        for text, code in (
            ('a("x\\"y // z") b', 'a("") b'),
            ("a // b \\\n c\nd", "a  \n\nd"),
            ("a /* b\n c */ d", "a  \n d"),
            ('R"(a " b)" c LR"x(\n)" )x" d', '"" c ""\n d'),
            ("1'000 'x' u8'\\'' 0xFF'FFu", "1'000 \"\" u8\"\" 0xFF'FFu"),
        ):
            with self.subTest(text=text):
                self.assertEqual(cpp_source.strip(text), code)


class ProjectTest(unittest.TestCase):
    """What must hold of this project's own table, so that the script never reads it as empty."""

    def setUp(self):
        text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
        self.table = layer_table.LayerTable.parse(text)

    def test_table_is_sound(self):
        self.assertEqual(list(self.table.mistakes()), [])
        self.assertLessEqual({"values", "api", "base", "core", "runtime", "cli", "tests"},
                             {row.name for row in self.table.rows})

    def test_core_is_closed_and_the_runtime_is_not(self):
        self.assertIsNotNone(self.table.judge_target("src/core/a.cc", "src/os/clock.h"))
        self.assertIsNotNone(self.table.judge_third_party("src/core/a.cc", "uv.h"))
        self.assertIsNone(self.table.judge_target("src/core/a.cc", "src/json/reader.h"))
        self.assertIsNone(self.table.judge_target("src/runtime/a.cc", "src/os/clock.h"))


if __name__ == "__main__":
    unittest.main()
