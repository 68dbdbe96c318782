#!/usr/bin/env python3
"""The tidy test: reads every file of the tree and fails on what the style forbids.

    python3 tests/tidy/tidy.py [--root DIR] [--compile-commands FILE]

Prints `file:line: rule: what is wrong and what to do`; exits with 1 when there is a finding. Each
rule has a planted violation and a near miss in tidy_test.py. No comment switches a rule off: a rule
that is wrong is changed here, for everybody.
"""

import argparse
import ast
import io
import json
import os
import posixpath
import re
import sys
import tokenize
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cpp_source
import layer_table
from tree import ARCHITECTURE, CODE_FOLDERS, Finding, Source, Tree

RULES = {
    "table": "the table of ARCHITECTURE.md is readable, without an edge upward or a circle",
    "layer": "an include points downward, as the table permits",
    "third-party": "a third-party header is included only by the folder that owns it",
    "missing-include": "an included file of ours exists",
    "pragma-once": "a header has #pragma once",
    "unnamed-namespace": "a header has no unnamed namespace",
    "header-comment": "a header of src opens with a comment",
    "public-prose": "a public header opens with a paragraph",
    "public-count": "the public headers are few enough to read",
    "coroutine": "no C++20 coroutines",
    "std-regex": "no std::regex",
    "iostream": "no <iostream> in the library",
    "using-namespace": "no using namespace",
    "detach": "no detached thread",
    "sleep": "nothing sleeps",
    "raw-new": "no raw new and delete",
    "process-wide": "the library does not change the process",
    "columns": "a line is short enough",
    "file-size": "a file is short enough",
    "function-size": "a function is short enough to see whole",
    "core-size": "the core fits in one head",
    "core-pure": "the core reads no clock, thread, file, socket, randomness or locale",
    "unbuilt": "a target builds every source file",
    "lone-test": "a unit test stands beside what it is about",
    "todo": "an open end has an issue",
    "link": "a relative link of a document leads to a file",
    "word": "no forbidden word",
}

COLUMNS_MAX = 100
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
CORE_LINES_MAX = 4000
PUBLIC_HEADERS_MAX = 15
PUBLIC_HEADERS_NOT_COUNTED = ("include/perdure/export.h",)  # a macro, which nobody needs to read
PARAGRAPH_LINES_MIN = 2
PARAGRAPH_WORDS_MIN = 8

# Words that must not stand in any file or file name, in any case. Not searched for in this file.
FORBIDDEN_WORDS: tuple[str, ...] = ()

BUILT_FOLDERS = ("src/", "tests/", "bench/", "examples/")
# Built only where the compiler has libFuzzer, so the release build does not know these files.
OPTIONAL_FOLDERS = ("tests/fuzz/",)

IMPURE_HEADERS = frozenset(
    """
    atomic barrier chrono clocale condition_variable csignal cstdio ctime filesystem fstream future
    iostream latch locale mutex random semaphore shared_mutex stop_token syncstream thread
    dirent.h dlfcn.h fcntl.h ftw.h glob.h ifaddrs.h langinfo.h locale.h netdb.h poll.h pthread.h
    pwd.h sched.h semaphore.h signal.h spawn.h stdio.h syslog.h termios.h threads.h time.h unistd.h
    utime.h
    """.split()
)
IMPURE_FOLDERS = ("sys/", "linux/", "arpa/", "net/", "netinet/")

OPEN_END = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\s*\(#\d+\))")
SPOKEN_WHOLE = (".js", ".css", ".html", ".sql")
SPOKEN_AFTER_HASH = (".txt", ".cmake", ".sh", ".toml", ".yml", ".yaml")

LINK = re.compile(
    r"""\]\(\s*(<[^>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+["'(][^\n]*?)?\s*\)"""
    r"|^ {0,3}\[(?!\^)[^\]\n]+\]:\s*(\S+)"
    r'|<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]*)"',
    re.MULTILINE,
)
FENCED_CODE = re.compile(r"^ {0,3}(```+|~~~+)[^\n]*\n.*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`)[^\n]+?(?<!`)\1(?!`)")


class Ban(NamedTuple):
    """A pattern that must not match stripped code, and where that holds."""

    rule: str
    pattern: str
    advice: str
    unless_behind: str = ""  # a pattern: not a hit directly behind this
    folders: tuple[str, ...] = CODE_FOLDERS
    excepted_folders: tuple[str, ...] = ()

    def holds_for(self, path: str) -> bool:
        return path.startswith(self.folders) and not path.startswith(self.excepted_folders)

    def hits(self, code: str) -> Iterator[re.Match]:
        for match in re.finditer(self.pattern, code):
            behind = code[max(0, match.start() - COLUMNS_MAX) : match.start()]
            if not self.unless_behind or not re.search(rf"(?:{self.unless_behind})\s*\Z", behind):
                yield match


BANS = (
    Ban("coroutine", r"\bco_(?:await|yield|return)\b",
        "compilers that we support miscompile it: write a state machine or a callback on the loop"),
    Ban("std-regex", r"\bstd\s*::\s*(?:basic_|w)?regex|#\s*include\s*<regex>",
        "it recurses and is slow: use pcre2 with limits, through json/"),
    Ban("iostream", r"#\s*include\s*<iostream>",
        "it runs global constructors in every program that links us: use fmt or std::fputs",
        folders=("src/", "include/")),
    Ban("using-namespace", r"\busing\s+namespace\b", "name what is used: using std::string_view;"),
    Ban("detach", r"(?:\.|->)\s*detach\s*\(|\bpthread_detach\s*\(",
        "give the thread an owner that joins it"),
    Ban("sleep", r"\b(?:u?sleep|(?:clock_)?nanosleep|uv_sleep)\s*\(",
        "wait for the event itself, or use a timer of the loop", unless_behind=r"\.|->"),
    Ban("sleep", r"\bsleep_(?:for|until)\s*\(|\bpoll\s*\(\s*(?:nullptr|NULL|0)\s*,"
        r"|\bselect\s*\(\s*0\s*,",
        "wait for the event itself, or use a timer of the loop"),
    Ban("raw-new", r"\bnew\b(?!\s*\()|\bnew\s*\(\s*std\s*::\s*nothrow\b",
        "use std::make_unique or std::make_shared, so that somebody owns it",
        unless_behind=r"\boperator|#\s*include\s*<"),
    Ban("raw-new", r"\bdelete\b", "let a std::unique_ptr own it", unless_behind=r"\boperator|="),
    Ban("process-wide", r"\b(?:(?:un)?setenv|putenv|clearenv|chdir|setlocale|umask)\s*\("
        r"|\blocale\s*::\s*global\s*\(",
        "the process belongs to the embedder: pass the value along, or use a descriptor (openat)",
        unless_behind=r"\.|->", folders=("src/", "include/"), excepted_folders=("src/cli/",)),
)


# --- includes and headers ---------------------------------------------------------------------


def check_table(tree: Tree) -> Iterator[Finding]:
    for line, text in tree.table.mistakes():
        yield Finding(ARCHITECTURE, line, "table", text)


def check_includes(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        if not tree.table.knows(source.path):
            yield source.finding(1, "layer", f"no row of the table in {ARCHITECTURE} has this "
                                 "file: say there what it may include")
            continue
        for include in source.includes:
            if verdict := _judge(tree, source, include):
                yield source.finding(include.line, verdict.rule, verdict.text)


def _judge(tree: Tree, source: Source,
           include: cpp_source.Include) -> layer_table.Verdict | None:
    if target := tree.resolve(source.path, include):
        return tree.table.judge_target(source.path, target)
    if include.quoted or include.path.startswith("perdure/"):
        return layer_table.Verdict("missing-include", f"there is no {include.path}: write the path "
                                   "from src/, or <...> for a library")
    if layer_table.is_system_header(include.path):
        return None
    return tree.table.judge_third_party(source.path, include.path)


def check_headers(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        if not source.is_header:
            continue
        if not re.search(r"^\s*#\s*pragma\s+once\b", source.code, re.MULTILINE):
            yield source.finding(1, "pragma-once", "add #pragma once below the opening comment")
        if match := re.search(r"\bnamespace\s*\{", source.code):
            yield source.finding(source.code.count("\n", 0, match.start()) + 1, "unnamed-namespace",
                                 "each file that includes it has types of its own: name it")
        opens_with_comment = source.text.lstrip().startswith(("//", "/*"))
        if source.path.startswith("src/") and not opens_with_comment:
            yield source.finding(1, "header-comment",
                                 "open with a comment: what it is, why, which threads, who owns")
        if source.path.startswith("include/") and not _opens_with_prose(source.text):
            yield source.finding(1, "public-prose", f"open with {PARAGRAPH_LINES_MIN} or more "
                                 "comment lines of prose: what it is, why, which threads, who owns")


def _opens_with_prose(text: str) -> bool:
    """Whether a paragraph of the opening comment says something. An example is no paragraph."""
    opening = re.match(r"\s*((?://[^\n]*\n)+|/\*.*?\*/)", text, re.DOTALL)
    lines = re.sub(r"^[ \t]*(?://+|/\*+|\*+/?)", "", opening[1] if opening else "", flags=re.M)
    prose = re.sub(r"^ {3,}\S.*", "", lines, flags=re.M)
    return any(
        len(paragraph.strip().split("\n")) >= PARAGRAPH_LINES_MIN
        and len(re.findall(r"[A-Za-z]+", paragraph)) >= PARAGRAPH_WORDS_MIN
        for paragraph in re.split(r"\n[ \t]*\n", prose)
    )


def check_public_count(tree: Tree) -> Iterator[Finding]:
    headers = [path for path in tree.paths if path.startswith("include/") and path.endswith(".h")]
    count = len(set(headers).difference(PUBLIC_HEADERS_NOT_COUNTED))
    if count > PUBLIC_HEADERS_MAX:
        yield Finding("include/perdure", 1, "public-count", f"{count} public headers, at most "
                      f"{PUBLIC_HEADERS_MAX}: join some, or move to src/ what no embedder reads")


def check_core_purity(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        if not source.path.startswith("src/core/") or source.is_test:
            continue
        for include in source.includes:
            if include.path in IMPURE_HEADERS or include.path.startswith(IMPURE_FOLDERS):
                yield source.finding(include.line, "core-pure", f"<{include.path}> in the pure "
                                     "core: time, ids and data enter it as events")


# --- what code must not say -------------------------------------------------------------------


def check_bans(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        for ban in BANS:
            if not ban.holds_for(source.path):
                continue
            for match in ban.hits(source.code):
                line = source.code.count("\n", 0, match.start()) + 1
                said = " ".join(match[0].split())
                yield source.finding(line, ban.rule, f"'{said}': {ban.advice}")


def check_python_sleep(tree: Tree) -> Iterator[Finding]:
    """A script that sleeps makes a test slow or flaky, just as C++ that sleeps does."""
    sleeps = ("sleep", "time.sleep", "asyncio.sleep")
    for source in tree.sources(".py"):
        if "sleep" not in source.text:
            continue
        for node in ast.walk(_parse_python(source.text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in sleeps:
                yield source.finding(node.lineno, "sleep", f"'{ast.unparse(node.func)}(': wait for "
                                     "the event itself, a line of output, a socket, an exit")


def _parse_python(text: str) -> ast.AST:
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])  # running the script says it better


# --- sizes ------------------------------------------------------------------------------------


def check_columns(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        for number, line in enumerate(source.lines, start=1):
            if len(line) > COLUMNS_MAX:
                yield source.finding(number, "columns", f"{len(line)} columns, at most "
                                     f"{COLUMNS_MAX}: break the line")


def check_file_size(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp + tree.sources(".py"):
        if (lines := len(source.lines)) > FILE_LINES_MAX:
            yield source.finding(FILE_LINES_MAX + 1, "file-size", f"{lines} lines, at most "
                                 f"{FILE_LINES_MAX}: one concept per file")


def check_function_size(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        try:
            for name, first, last in cpp_source.functions(source.code):
                if (lines := last - first + 1) > FUNCTION_LINES_MAX:
                    yield source.finding(first, "function-size", f"{name} has {lines} lines, "
                                         f"at most {FUNCTION_LINES_MAX}: give its parts names")
        except cpp_source.UnmatchedBrace as error:
            yield source.finding(error.line, "function-size", "a brace without its partner, so "
                                 "that nothing can be measured: keep blocks whole inside each #if")


def check_core_size(tree: Tree) -> Iterator[Finding]:
    core = [source for source in tree.cpp if source.path.startswith("src/core/")]
    lines = sum(len(source.lines) for source in core if not source.is_test)
    if lines > CORE_LINES_MAX:
        yield Finding("src/core", 1, "core-size", f"{lines} lines without tests, at most "
                      f"{CORE_LINES_MAX}: it must fit in one head, so move out what can be")


# --- the tree ---------------------------------------------------------------------------------


def check_built(tree: Tree, compile_commands: Path | None) -> Iterator[Finding]:
    built = _compiled_files(tree.root, compile_commands) if compile_commands else frozenset()
    for source in tree.cpp:
        path = source.path
        if source.is_header or not path.startswith(BUILT_FOLDERS) or path in built:
            continue
        ask_cmake = not compile_commands or path.startswith(OPTIONAL_FOLDERS)
        if ask_cmake and _is_listed(tree, path):
            continue
        place = "a CMakeLists.txt next to it or above" if ask_cmake else compile_commands.name
        yield source.finding(1, "unbuilt", f"not in {place}: add it to a target and configure "
                             "again, or delete it")


def _compiled_files(root: Path, compile_commands: Path) -> frozenset[str]:
    """The files of a compilation database, and of the bundles in it, by their paths from the root."""
    entries = json.loads(compile_commands.read_text(encoding="utf-8"))
    files = {os.path.join(entry.get("directory", ""), entry["file"]) for entry in entries}
    for bundle in [file for file in files if file.endswith("_cxx.cxx") and os.path.isfile(file)]:
        files.update(re.findall(r'#include "(/.+)"', Path(bundle).read_text(encoding="utf-8")))
    real_root = os.path.realpath(root)
    return frozenset(os.path.relpath(os.path.realpath(file), real_root) for file in files)


def _is_listed(tree: Tree, path: str) -> bool:
    """Whether a CMakeLists.txt next to the file or above it names the path from there."""
    for folder in Path(path).parents:
        commands = re.sub(r"#.*", "", tree.read((folder / "CMakeLists.txt").as_posix()))
        from_there = re.escape(Path(path).relative_to(folder).as_posix())
        if re.search(rf"(?<![\w./-])(?:\$\{{\w+\}}/)?{from_there}(?![\w./-])", commands):
            return True
    return False


def check_lone_tests(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp:
        if not source.is_test or not source.path.startswith("src/"):
            continue
        subject = source.path.removesuffix("_test.cc")
        if tree.paths.isdisjoint((subject + ".cc", subject + ".h")):
            yield source.finding(1, "lone-test", f"there is no {subject}.cc or .h: name the test "
                                 "after the file it is about, or move it to tests/")


def check_open_ends(tree: Tree) -> Iterator[Finding]:
    """Only where a person speaks: in comments and prose, never in strings, names and examples."""
    suffixes = (".cc", ".h", ".py", ".md", *SPOKEN_AFTER_HASH, *SPOKEN_WHOLE)
    for source in tree.sources(*suffixes):
        if not OPEN_END.search(source.text):
            continue
        for number, line in enumerate(_spoken(source).split("\n"), start=1):
            if match := OPEN_END.search(line):
                yield source.finding(number, "todo", f"{match[0]} without an issue: do it now, or "
                                     f"write {match[0]}(#123)")


def _spoken(source: Source) -> str:
    """The comments or prose of a file, line by line, as far as its language is known."""
    if source.path.endswith((".cc", ".h")):
        return cpp_source.strip(source.text, keep_comments=True)
    if source.path.endswith(".py"):
        return _python_comments(source.text)
    if source.path.endswith(".md"):
        return _prose(source.text)
    if source.path.endswith(SPOKEN_AFTER_HASH):
        return re.sub(r"^[^#\n]*", "", source.text, flags=re.MULTILINE)
    return source.text


def _python_comments(text: str) -> str:
    lines = [""] * (text.count("\n") + 2)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                lines[token.start[0] - 1] = token.string
    except (tokenize.TokenError, SyntaxError):
        return text
    return "\n".join(lines)


# --- documents and words ----------------------------------------------------------------------


def check_links(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources(".md"):
        text = _prose(source.text)
        for match in LINK.finditer(text):
            link = (match[1] or match[2] or match[3] or "").strip("<>")
            if not _leads_somewhere(tree, source.path, link):
                line = text.count("\n", 0, match.start()) + 1
                yield source.finding(line, "link", f"there is no '{link}' in the tree: correct the "
                                     "link or add the file")


def _prose(text: str) -> str:
    """A document with its code blanked: an example may name what does not exist."""
    without_blocks = FENCED_CODE.sub(lambda match: "\n" * match[0].count("\n"), text)
    return INLINE_CODE.sub("", without_blocks)


def _leads_somewhere(tree: Tree, document: str, link: str) -> bool:
    path = urllib.parse.unquote(re.split("[#?]", link, maxsplit=1)[0])
    if not path or re.match(r"[A-Za-z][\w+.-]*:|//", link):
        return True
    folder = "" if path.startswith("/") else posixpath.dirname(document)
    target = posixpath.normpath(posixpath.join(folder, path.lstrip("/")))
    return target in tree.paths or target in tree.folders


def check_words(tree: Tree, words: Iterable[str]) -> Iterator[Finding]:
    """Reads all files, data too, and their names."""
    if not words:
        return
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    for path in sorted(tree.paths):
        if (tree.root / path).resolve() == Path(__file__).resolve():
            continue
        if match := pattern.search(path):
            yield Finding(path, 1, "word", f"'{match[0]}' in the name: rename the file")
        for number, line in enumerate(tree.read(path).split("\n"), start=1):
            if match := pattern.search(line):
                yield Finding(path, number, "word", f"'{match[0]}': say it in other words")


CHECKS = (
    check_table, check_includes, check_headers, check_public_count, check_core_purity, check_bans,
    check_python_sleep, check_columns, check_file_size, check_function_size, check_core_size,
    check_lone_tests, check_open_ends, check_links,
)


def check(root: Path, compile_commands: Path | None = None,
          words: Iterable[str] = FORBIDDEN_WORDS) -> list[Finding]:
    """All findings of a tree, in the order of files and lines."""
    tree = Tree(root)
    findings = [finding for rule in CHECKS for finding in rule(tree)]
    findings += check_built(tree, compile_commands)
    findings += check_words(tree, words)
    assert all(finding.rule in RULES for finding in findings), "a rule without a description"
    return sorted(set(findings))


def main(arguments: list[str] | None = None) -> int:
    rules = "\n".join(f"  {rule:<16} {meaning}" for rule, meaning in RULES.items())
    parser = argparse.ArgumentParser(
        description="Fails on what the style forbids.", epilog=f"rules:\n{rules}",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--compile-commands", type=Path,
                        help="default: that of build/release below the root, if it exists")
    options = parser.parse_args(arguments)
    database = options.compile_commands or options.root / "build/release/compile_commands.json"
    if options.compile_commands and not database.is_file():
        parser.error(f"there is no {database}")
    if not options.root.is_dir():
        parser.error(f"there is no folder {options.root}")
    findings = check(options.root, database if database.is_file() else None)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
