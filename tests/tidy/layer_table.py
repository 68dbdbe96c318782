"""The table of permitted includes in ARCHITECTURE.md, and the verdict on one include.

The table is the only place that knows the layers. This file knows how it is written: which rows
match a file, and that a file may include what any of them permits.
"""

import fnmatch
import graphlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

HEADING = "## What each layer may include"
COLUMNS = ("folder", "layer", "may include", "third-party headers")
PUBLIC_FOLDER = "include/perdure/"
EVERYTHING = "everything"

# Headers of the C library, POSIX and Linux. All other names with a dot or slash are third-party, so
# that a new library needs a word in the table before its first include.
_SYSTEM_FOLDERS = ("sys/", "linux/", "asm/", "arpa/", "bits/", "net/", "netinet/", "sanitizer/")
_SYSTEM_HEADERS = frozenset(
    name + ".h"
    for name in """
    alloca assert byteswap ctype cxxabi dirent dlfcn elf endian err errno error execinfo fcntl
    features fenv float fnmatch ftw getopt glob grp iconv ifaddrs immintrin inttypes langinfo libgen
    limits link locale malloc math mntent mqueue netdb nl_types paths poll pthread pty pwd regex
    resolv sched search semaphore setjmp signal spawn stdarg stdbool stddef stdint stdio stdlib
    string strings stropts sysexits syslog termios threads time uchar ucontext unistd utime utmp
    utmpx wchar wctype wordexp x86intrin
    """.split()
)


def is_system_header(path: str) -> bool:
    """Whether <path> is a C++, C, POSIX or Linux header. Those of C++ have no dot and no slash."""
    is_standard_cpp = re.fullmatch(r"\w+", path) is not None
    return is_standard_cpp or path in _SYSTEM_HEADERS or path.startswith(_SYSTEM_FOLDERS)


@dataclass(frozen=True)
class Row:
    """One row. `name` is a folder, a group of public headers, or a pattern of paths."""

    name: str
    headers: tuple[str, ...]  # of a group of public headers
    layer: str
    may_include: frozenset[str]
    third_party: tuple[str, ...]
    line: int

    @property
    def rank(self) -> int | None:
        """The number of the layer, or None for what stands outside of src."""
        return int(self.layer[1:]) if re.fullmatch(r"L\d", self.layer) else None

    @property
    def is_pattern(self) -> bool:
        return "*" in self.name

    def matches(self, path: str) -> bool:
        """Whether a file, given by its path from the root, belongs to this row."""
        if self.is_pattern:
            return fnmatch.fnmatchcase(path, self.name)
        if self.layer == "public":
            return path in (PUBLIC_FOLDER + header for header in self.headers)
        folder = self.name if self.rank is None else f"src/{self.name}"
        return path.startswith(folder + "/")


@dataclass(frozen=True)
class Verdict:
    """Why an include is refused."""

    rule: str
    text: str


class LayerTable:
    """The rows, and what they permit."""

    def __init__(self, rows: list[Row], malformed: list[int]):
        self.rows = rows
        self._malformed = malformed  # lines that a person takes for a row, and that are none
        self._by_name = {row.name: row for row in rows}

    @staticmethod
    def parse(markdown: str) -> "LayerTable":
        """Reads the first table below the heading. A document without one gives an empty table."""
        rows, malformed = [], []
        for number, line in _table_lines(markdown):
            cells = [cell.strip() for cell in line.strip().removesuffix("|")[1:].split("|")]
            if len(cells) == len(COLUMNS) and "`" in cells[0]:
                rows.append(_parse_row(cells, number))
            elif "`" in line:
                malformed.append(number)
        return LayerTable(rows, malformed)

    def knows(self, path: str) -> bool:
        """Whether a folder or group of the table claims the file; patterns alone do not."""
        return any(row.matches(path) for row in self.rows if not row.is_pattern)

    def judge_target(self, source: str, target: str) -> Verdict | None:
        """The verdict on the include of a file of the tree; None when it is permitted."""
        permitted = {name for row in self._rows_of(source) for name in row.may_include}
        if any(self._covers(name, target) for name in permitted):
            return None
        own, other = self._folder(source), self._folder(target)
        upward = ", upward" if own and other and _points_upward(own, other) else ""
        return Verdict("layer", f"{_title(own)} includes {target} of {_title(other)}{upward}; "
                       f"{own.name} may include {', '.join(sorted(permitted)) or 'nothing'}: "
                       "move the code down, or hand it in from above")

    def judge_third_party(self, source: str, header: str) -> Verdict | None:
        """The verdict on a header of another project; None when the file's folder owns it."""
        if any(_owns(row, header) for row in self._rows_of(source)):
            return None
        owners = [row.name for row in self.rows
                  if _owns(row, header) and EVERYTHING not in row.third_party]
        advice = (f"only {', '.join(owners)} may include it" if owners
                  else "give it an owner in the table of ARCHITECTURE.md")
        return Verdict("third-party", f"<{header}> in {_title(self._folder(source))}: {advice}")

    def mistakes(self) -> Iterator[tuple[int, str]]:
        """What is wrong with the table itself: an unknown word, an edge upward, a circle."""
        if not self.rows:
            yield 1, f"no table with the columns {' | '.join(COLUMNS)} below '{HEADING}'"
        for line in self._malformed:
            yield line, f"this row has not the cells {' | '.join(COLUMNS)}, so it permits nothing"
        for row in self.rows:
            for name in sorted(row.may_include - {EVERYTHING}):
                other = self._by_name.get(name)
                if other is None and not self._is_subfolder(name):
                    yield row.line, f"'{name}' is no row: add a row or correct the word"
                elif other and _points_upward(row, other):
                    yield row.line, f"{_title(row)} may not point upward, to {_title(other)}"
        if circle := self._circle():
            yield self._by_name[circle[0]].line, f"the layers go in a circle: {' -> '.join(circle)}"

    def _rows_of(self, path: str) -> Iterator[Row]:
        return (row for row in self.rows if row.matches(path))

    def _covers(self, name: str, target: str) -> bool:
        row = self._by_name.get(name)
        return name == EVERYTHING or (row.matches(target) if row else target.startswith(name + "/"))

    def _is_subfolder(self, name: str) -> bool:
        return any(name.startswith(known + "/") for known in self._by_name)

    def _folder(self, path: str) -> Row | None:
        """The first row that is no pattern: the folder, and not its subfolder."""
        return next((row for row in self._rows_of(path) if not row.is_pattern), None)

    def _circle(self) -> list[str]:
        layers = (row for row in self.rows if row.rank is not None)
        graph = {row.name: row.may_include - {row.name} for row in layers}
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            return error.args[1]
        return []


def _table_lines(markdown: str) -> Iterator[tuple[int, str]]:
    """The lines of the first table below the heading, with their numbers."""
    lines = iter(enumerate(markdown.split("\n"), start=1))
    for _, line in lines:
        if line.strip() == HEADING:
            break
    inside = False
    for number, line in lines:
        if line.startswith("|"):
            inside = True
            yield number, line
        elif inside or line.startswith("#"):
            return


def _parse_row(cells: list[str], number: int) -> Row:
    """Only words in backticks count, so that a cell may explain itself."""
    words = [re.findall(r"`([^`]+)`", cell) for cell in cells]
    (name, *headers), _, may_include, third_party = words
    return Row(name.rstrip("/"), tuple(headers), cells[1], frozenset(may_include),
               tuple(third_party), number)


def _title(row: Row | None) -> str:
    return f"{row.name} ({row.layer})" if row else "no row of the table"


def _points_upward(row: Row, other: Row) -> bool:
    if row.layer == "public":
        return other.layer != "public"
    return row.rank is not None and other.rank is not None and other.rank > row.rank


def _owns(row: Row, header: str) -> bool:
    return any(
        word in (header, EVERYTHING) or (word.endswith("/") and header.startswith(word))
        for word in row.third_party
    )
