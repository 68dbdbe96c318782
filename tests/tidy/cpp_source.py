"""What the tidy test understands of a C++ file: comments, literals, includes, functions.

This is not a parser. It knows just enough of the lexical grammar (comments, strings, raw strings,
digit separators) that a word in a comment is never taken for code, and just enough of declarations
to tell a function's brace from a type's, a namespace's and an initializer's.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_LEXEME = re.compile(
    r"""
    (?P<comment>//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z))
  | (?P<literal>\b(?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"
      | "(?:\\.|[^"\\\n])*"
      | '(?:\\.|[^'\\\n])*')
  | (?P<number>\b\d(?:'?[\w.])*)
    """,
    re.VERBOSE | re.DOTALL,
)
_INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_MARK = re.compile(r"[{}();]")
_BRACE = re.compile(r"[{}]")
_LABELS = re.compile(r"\s*(?:(?:public|private|protected)\s*:(?!:)\s*)*")
_OPERATOR = re.compile(r"\boperator\s*(\(\s*\)|\[\s*\]|[^\s\w(]+)")
_GROUP = re.compile(r"\([^(){}\[\]]*\)|\{[^(){}\[\]]*\}|\[[^(){}\[\]]*\]")
_ANGLES = re.compile(r"<[^<>]*>")
_PARAMETERS = re.compile(r"((?:\w+\s*::\s*)*(?:operator\s+)?~?\w+)\s*\x01")
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum)\b|\bextern\s*\"\"\s*$")
_LAMBDA = re.compile(r"(?<![\w\x01\x03])\x03\s*(?:\x01[^\x01=,;]*)?$")
_NOT_A_NAME = frozenset("noexcept requires decltype alignas __attribute__ explicit".split())
# Stand-ins for a bracketed group whose inside does not matter.
_PLACEHOLDER = {"(": "\x01", "{": "\x02", "[": "\x03"}


class Include(NamedTuple):
    """One #include: its line, its path as written, and whether it stands in quotes."""

    line: int
    path: str
    quoted: bool


class Function(NamedTuple):
    """One function definition: from the first line of its signature to its closing brace."""

    name: str
    first_line: int
    last_line: int


class UnmatchedBrace(Exception):
    """A brace without its partner, so that no function's length can be trusted."""

    def __init__(self, line: int):
        super().__init__(f"unmatched brace in line {line}")
        self.line = line


def strip(text: str, keep_comments: bool = False) -> str:
    """The text with literals emptied and comments blanked; line numbers stay what they were."""

    def replace(match: re.Match) -> str:
        if match["number"] or (keep_comments and match["comment"]):
            return match[0]
        return ('""' if match["literal"] else " ") + "\n" * match[0].count("\n")

    return _LEXEME.sub(replace, text)


def includes(text: str, code: str) -> Iterator[Include]:
    """The includes of a file: the code says which lines are directives, the text has the paths."""
    lines = zip(text.split("\n"), code.split("\n"))
    for number, (line, code_line) in enumerate(lines, start=1):
        if "#" in code_line and "include" in code_line and (match := _INCLUDE.match(line)):
            yield Include(number, match[2], match[1] == '"')


def functions(code: str) -> Iterator[Function]:
    """The functions of stripped code. What stands inside one (lambdas, local types) is part of it.

    `head` is where the declaration that is being read began. The braces of an initializer leave the
    head as it is, because the declaration goes on after them; all others end it.
    """
    text = _DIRECTIVE.sub(lambda match: "\n" * match[0].count("\n"), code)
    outer: list[tuple[int, int, int]] = []
    head = position = parentheses = 0
    while mark := _MARK.search(text, position):
        at, position = mark.start(), mark.end()
        if mark[0] == "{":
            name = _function_name(text[head:at], parentheses > 0)
            if name:
                position = _closing_brace(text, at) + 1
                yield Function(name, _line(text, _start(text, head)), _line(text, position))
            else:
                resume = head if _is_initializer(text[head:at], parentheses > 0) else -1
                outer.append((at, resume, parentheses))
            if not (name and parentheses):
                head, parentheses = position, 0
        elif mark[0] == "}":
            if not outer:
                raise UnmatchedBrace(_line(text, at))
            _, resume, parentheses = outer.pop()
            head = resume if resume >= 0 else position
        elif mark[0] == ";":
            head = position if parentheses == 0 else head
        else:
            parentheses = max(0, parentheses + (1 if mark[0] == "(" else -1))
    if outer:
        raise UnmatchedBrace(_line(text, outer[-1][0]))


def _closing_brace(text: str, opening: int) -> int:
    """The position of the brace that closes the one at `opening`."""
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    raise UnmatchedBrace(_line(text, opening))


def _function_name(head: str, in_parentheses: bool) -> str:
    """The name when a brace after this head opens a function's body, else an empty string."""
    flat = _flatten(head)
    declaration, _, initializers = re.sub("::", "\x04", flat).partition(":")
    names = [found for found in _PARAMETERS.findall(declaration.replace("\x04", "::"))
             if found not in _NOT_A_NAME]
    behind_parameters = declaration.rpartition("\x01")[2]
    if in_parentheses or not names or re.search("[=,]", declaration):
        return "lambda" if _LAMBDA.search(flat) else ""
    if _SCOPE.search(behind_parameters):
        return ""  # a macro without a semicolon stands before a type or namespace
    if initializers and re.search(r"[\w>]\s*$", head):
        return ""  # `Point() : x_{1}`: the brace belongs to x_, the body comes later
    return _full_name(names[-1], head)


def _full_name(name: str, head: str) -> str:
    """Says which operator it is; of a macro like TEST_F the arguments are the real name."""
    if name.endswith("operator") and (symbol := _OPERATOR.search(head)):
        return name + symbol[1]
    is_macro = re.fullmatch("[A-Z][A-Z0-9_]+", name)
    if is_macro and (call := re.search(rf"\b{name}\s*\(([^()]*)\)", head)):
        return f"{name}({' '.join(call[1].split())})"
    return name


def _is_initializer(head: str, in_parentheses: bool) -> bool:
    """Whether a brace after this head opens a value, and not a namespace or a type."""
    flat = _flatten(head)
    return in_parentheses or "=" in flat or not _SCOPE.search(flat)


def _flatten(head: str) -> str:
    """The head with each bracketed group as one placeholder and without template arguments."""
    flat = _OPERATOR.sub("operator", _LABELS.sub("", head, count=1)).replace("->", " ")
    for pattern, replacement in ((_GROUP, lambda match: _PLACEHOLDER[match[0][0]]), (_ANGLES, "")):
        count = 1
        while count:
            flat, count = pattern.subn(replacement, flat)
    return flat


def _start(text: str, head: int) -> int:
    """Where the declaration's own text begins: behind blank lines and access labels."""
    return _LABELS.match(text, head).end()


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
