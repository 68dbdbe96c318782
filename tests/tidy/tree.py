"""The files that the tidy test reads, and what its rules ask of a file, worked out once."""

import functools
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cpp_source
import layer_table

ARCHITECTURE = "ARCHITECTURE.md"
CODE_FOLDERS = ("src/", "include/", "tests/", "bench/", "examples/")
INCLUDE_ROOTS = ("src", "include", "", "tests")

_PRUNED = {".git", ".cache", ".pytest_cache", "__pycache__", "node_modules"}
# Data below tests/ that others wrote or that is damaged on purpose. Only words are checked there.
_DATA_FOLDERS = {"corpus", "fixtures", "suites"}


class Finding(NamedTuple):
    """One violation. The fields are in the order in which findings are sorted."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Source:
    """A text file."""

    def __init__(self, path: str, text: str):
        self.path = path
        self.text = text
        self.lines = text.removesuffix("\n").split("\n")

    @functools.cached_property
    def code(self) -> str:
        """The text without comments and literals."""
        return cpp_source.strip(self.text)

    @functools.cached_property
    def includes(self) -> list[cpp_source.Include]:
        return list(cpp_source.includes(self.text, self.code))

    @property
    def is_header(self) -> bool:
        return self.path.endswith(".h")

    @property
    def is_test(self) -> bool:
        return self.path.endswith("_test.cc")

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.path, line, rule, text)


class Tree:
    """All files below a root, by their paths from there."""

    def __init__(self, root: Path):
        self.root = root
        self.paths = frozenset(_walk(root))
        folders = (folder for path in self.paths for folder in Path(path).parents)
        self.folders = frozenset(map(str, folders))
        self._texts: dict[str, str] = {}

    @functools.cached_property
    def cpp(self) -> list[Source]:
        sources = self.sources(".cc", ".h")
        return [source for source in sources if source.path.startswith(CODE_FOLDERS)]

    @functools.cached_property
    def table(self) -> layer_table.LayerTable:
        return layer_table.LayerTable.parse(self.read(ARCHITECTURE))

    def read(self, path: str) -> str:
        """The text of a file; empty when it is gone, because others may work in the same tree."""
        if path not in self._texts:
            try:
                text = (self.root / path).read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                text = ""
            self._texts[path] = text
        return self._texts[path]

    def sources(self, *suffixes: str) -> list[Source]:
        """The files with one of these suffixes that are ours to read, which data is not."""
        paths = sorted(path for path in self.paths if path.endswith(suffixes))
        return [Source(path, self.read(path)) for path in paths if not _is_data(path)]

    def resolve(self, source: str, include: cpp_source.Include) -> str | None:
        """The file of the tree that an include names, found as the compiler would find it."""
        beside = posixpath.dirname(source)
        roots = (beside, *INCLUDE_ROOTS) if include.quoted else INCLUDE_ROOTS[:2]
        candidates = (posixpath.normpath(posixpath.join(root, include.path)) for root in roots)
        return next((path for path in candidates if path in self.paths), None)


def _walk(root: Path) -> Iterator[str]:
    """All files but those of builds and caches."""
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        pruned = _PRUNED | ({"build"} if here == Path() else set())
        folders[:] = [name for name in folders if name not in pruned]
        yield from ((here / name).as_posix() for name in files if name not in _PRUNED)


def _is_data(path: str) -> bool:
    folders = path.split("/")[:-1]
    return folders[:1] == ["tests"] and not _DATA_FOLDERS.isdisjoint(folders)
