"""Reads YAML without its traps, and knows the line and column of everything read.

Plain YAML turns ``no`` into false, ``0123`` into 83, ``22:22`` into 1342, and lets the last of two equal
keys win in silence. Here text stays text, only ``true`` and ``false`` are flags, and whatever can be
read in two ways is refused. All mistakes of a file are collected, not only the first.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.composer import ComposerError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from auditor.mistakes import Mistake
from auditor.model import Say

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_NODES: Final = 2_000_000
MAX_DEPTH: Final = 20
MAX_BAD_CHARACTERS: Final = 200
"""A file with more of them than this is not text, and is not parsed."""

Place = tuple[str, int, int]
"""File, line and column; both from 1, in characters."""
Part = str | int

# Controls, zero-width and bidirectional characters, and the exotic line ends that YAML counts as lines
# and editors do not.
_BAD = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]|\r(?!\n)"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_AMBIGUOUS = re.compile(
    r"""[-+]?(?: [0-9][0-9_]* (?:\.[0-9_]*)? (?:[eE][-+]?[0-9]+)?   # 0123, 1_000, 1e5, +5, 5.
                | \.[0-9_]+ (?:[eE][-+]?[0-9]+)?                     # .5
                | 0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
                | [0-9][0-9_]* (?: :[0-5]?[0-9])+ (?:\.[0-9_]*)?     # 22:22, in base 60
                | \.(?:inf|Inf|INF) ) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
_STARTS_A_VALUE = frozenset("0123456789-+.~ntf")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}

_CORE = "tag:yaml.org,2002:"
_TAGGED: Final[dict[str, type]] = {"int": int, "float": float, "bool": bool, "null": type(None)}

_Parser: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""libyaml; PyYAML's own parser, six times slower, where it was built without. No constructor of either runs."""


class _Stop(Exception):
    """The file is too large a tree to be read on."""

    def __init__(self, code: str, limit: int, node: Node | None) -> None:
        super().__init__(code)
        self.code, self.limit, self.node = code, limit, node


class _Composer(_Parser):  # type: ignore[misc] # its base is chosen at run time
    """Makes nodes only, without guessing what plain text means. Depth and size are bounded as it runs."""

    def __init__(self, text: str) -> None:
        _Parser.__init__(self, text)
        self._count = self._depth = 0

    def descend_resolver(self, parent: Node | None, _index: object) -> None:
        self._count += 1
        self._depth += 1
        # libyaml's composer is recursive C: 100,000 open brackets would overflow its stack.
        if self._depth > MAX_DEPTH + 1:
            raise _Stop("too-deep", MAX_DEPTH, parent)
        if self._count > MAX_NODES:
            raise _Stop("too-many", MAX_NODES, parent)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def resolve(self, _kind: object, _value: object, _implicit: object) -> str:
        return ""


class Tree:
    """A file as read: plain str, int, float, bool, None, list and dict, and where each part of it stands.

    ``broken`` says that the file could not be read to its end, so that ``data`` means nothing.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        self.broken = True
        self.mistakes: list[Mistake] = []
        self._root: Node | None = None
        self._indexed: dict[int, dict[Part, tuple[Node, Node]]] = {}

    def at(self, path: tuple[Part, ...], *, key: bool = False) -> Place:
        """Where the value at ``path`` begins, or its key; for a missing part, what it is missing from."""
        node, key_node = self._root, None
        for part in path:
            if isinstance(node, MappingNode):
                pair = self._pair(node, part)
                if pair is None:
                    break
                key_node, node = pair
            elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
                key_node, node = None, node.value[part]
            else:
                break
        mark = (key_node if key and key_node is not None else node or _NOWHERE).start_mark
        return self.file, mark.line + 1, mark.column + 1

    def _pair(self, node: MappingNode, key: Part) -> tuple[Node, Node] | None:
        """The first pair with a key. Mappings of many keys are indexed: mistakes in them may be as many."""
        if len(node.value) < 32:
            return next((pair for pair in node.value if pair[0].value == key), None)
        if id(node) not in self._indexed:
            pairs = ((pair[0].value, pair) for pair in reversed(node.value) if type(pair[0]) is ScalarNode)
            self._indexed[id(node)] = dict(pairs)
        return self._indexed[id(node)].get(key)

    def label(self, path: tuple[Part, ...]) -> str:
        """The path as people write it: ``servers[2].address``."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")

    def _note(self, line: int, column: int, code: str, key: str = "", /, **values: Any) -> None:
        self.mistakes.append(Mistake(self.file, line, column, key, Say(code, values)))


_NOWHERE: Final = ScalarNode("", "", start_mark=yaml.Mark("", 0, 0, 0, None, 0))


def load(path: Path, name: str | None = None) -> Tree:
    """Read a YAML file. Never raises for what the file holds: see ``mistakes`` and ``broken`` of the result.

    ``name`` is what messages call the file, when not its path.
    """
    tree = Tree(name or str(path))
    text = read_text(path, tree)
    return tree if text is None else loads(text, tree)


def loads(text: str, tree: Tree | None = None) -> Tree:
    """Read YAML from text, as ``load`` does."""
    tree = tree or Tree("<text>")
    text = _clean(text, tree)
    if len(tree.mistakes) > MAX_BAD_CHARACTERS:
        tree._note(1, 1, "binary")
        return tree
    composer = _Composer(text)
    try:
        with garbage_kept():
            tree._root = composer.get_single_node()
            builder = _Builder(text, tree)
            tree.data = None if tree._root is None else builder.build(tree._root, ())
        tree.broken = False
    except _Stop as stop:
        mark = (stop.node or _NOWHERE).start_mark
        tree._note(mark.line + 1, mark.column + 1, stop.code, limit=stop.limit)
    except yaml.MarkedYAMLError as exc:
        _note_syntax(tree, exc)
    except yaml.YAMLError as exc:  # a character that libyaml refuses and _BAD does not know
        tree._note(1, 1, "syntax", problem=str(exc).splitlines()[0])
    finally:
        composer.dispose()
    return tree


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Hold the garbage collector back: over the many live objects of a tree it takes most of the time.

    Measured: 10,000 targets are composed in 0.5 s without it, in 1.5 to 2 s with it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_text(path: Path, tree: Tree) -> str | None:
    """The text of a UTF-8 file of bounded size, or None and a mistake noted."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe or /dev/zero would never end
            raise OSError("not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        tree._note(1, 1, "unreadable", problem=getattr(exc, "strerror", None) or str(exc))
        return None
    if len(raw) > MAX_BYTES:
        tree._note(1, 1, "too-big", limit=MAX_BYTES // 2**20)
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        good = exc.object[: exc.start].decode("utf-8", "replace")
        line, column = good.count("\n") + 1, len(good) - good.rfind("\n")
        tree._note(line, column, "not-utf8", byte=f"0x{exc.object[exc.start]:02x}")
        return None


def bad_characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and character of what no file of ours may hold."""
    line, start, done = 1, 0, 0
    for found in _BAD.finditer(text):
        at = found.start()
        line += text.count("\n", done, at)
        start = text.rfind("\n", done, at) + 1 or start
        done = at
        yield line, at - start + 1, found.group()


def _clean(text: str, tree: Tree) -> str:
    """Note refused characters, then put harmless ones in their place so that reading can go on."""
    for number, (line, column, char) in enumerate(bad_characters(text)):
        if number > MAX_BAD_CHARACTERS:
            return text
        tree._note(line, column, "tab" if char == "\t" else "bad-character", char=f"U+{ord(char):04X}")
    if "PRIVATE KEY-----" in text:
        for found in _PRIVATE_KEY.finditer(text):
            before = text[: found.start()]
            tree._note(before.count("\n") + 1, len(before) - before.rfind("\n"), "private-key")
    return _BAD.sub(lambda found: " " if found.group() == "\t" else "\ufffd", text) if tree.mistakes else text


def _note_syntax(tree: Tree, exc: yaml.MarkedYAMLError) -> None:
    mark = exc.problem_mark or exc.context_mark or _NOWHERE.start_mark
    problem = ": ".join(part for part in (exc.context, exc.problem) if part)
    code = "syntax"
    if isinstance(exc, ComposerError):
        code = "anchor" if "alias" in problem or "anchor" in problem else "several-documents"
    elif "mapping values are not allowed" in problem:
        code = "colon"
    tree._note(mark.line + 1, mark.column + 1, code, problem=problem)


class _Builder:
    """Turns nodes into plain data, noting every trap on the way."""

    def __init__(self, text: str, tree: Tree) -> None:
        self._text = text
        self._tree = tree
        self._properties = "&" in text or "!" in text
        self._seen: set[int] = set()

    def build(self, node: Node, path: tuple[Part, ...]) -> Any:
        """The data of a node; of one that is refused, something to go on with."""
        owned = not self._properties or not self._text.startswith(("&", "!"), node.start_mark.index)
        if not owned and not self._plainly_owned(node, path):
            return None
        if type(node) is ScalarNode:
            return self._scalar(node, path)
        if type(node) is MappingNode:
            return self._mapping(node, path)
        return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: tuple[Part, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                self.build(value_node, path)
            elif key in lines:
                self._note(key_node, "duplicate-key", (*path, key), line=lines[key])
                self.build(value_node, (*path, key))
            else:
                lines[key] = key_node.start_mark.line + 1
                made[key] = self.build(value_node, (*path, key))
        return made

    def _key(self, node: Node, path: tuple[Part, ...]) -> str | None:
        if type(node) is not ScalarNode:
            self._note(
                node,
                "key-not-text",
                path,
                found=Say("found-list" if type(node) is SequenceNode else "found-mapping"),
            )
            return None
        if node.value == "<<" and not node.style:
            self._note(node, "merge-key", path)
            return None
        mistakes = len(self._tree.mistakes)
        key = self.build(node, path)
        if isinstance(key, str) and len(self._tree.mistakes) == mistakes:
            return key
        if len(self._tree.mistakes) == mistakes:
            self._note(node, "key-not-text", path, found=node.value or Say("found-empty"))
        return None

    def _scalar(self, node: ScalarNode, path: tuple[Part, ...]) -> str | int | float | bool | None:
        value: str = node.value
        if node.tag == _CORE + "str":
            return value
        if node.style:
            if node.style == '"' and (bad := _BAD.search(value)):  # "\u202e" passes the look at the raw text
                self._note(node, "bad-character", path, char=f"U+{ord(bad.group()):04X}")
            return value
        if value and value[0] not in _STARTS_A_VALUE:
            return value
        if value in _WORDS:
            return _WORDS[value]
        if _INTEGER.fullmatch(value):
            return int(value)
        if _DECIMAL.fullmatch(value):
            return float(value)
        if _AMBIGUOUS.fullmatch(value):
            self._note(node, "ambiguous-number", path, found=value)
        return value

    def _plainly_owned(self, node: Node, path: tuple[Part, ...]) -> bool:
        """Judge a node's anchor and tag; False when it must not be looked into (again)."""
        if id(node) in self._seen:  # an alias: going in once more is how small files become huge ones
            return False
        self._seen.add(id(node))
        written = self._text[node.start_mark.index : node.start_mark.index + 40].split(None, 1)[0]
        if written.startswith("&"):
            self._note(node, "anchor", path)
        if (node.tag or written.startswith("!")) and not self._is(node, node.tag):
            self._note(node, "tag", path, tag=written)
        return True

    def _is(self, node: Node, tag: str) -> bool:
        if not tag.startswith(_CORE):
            return False
        tag = tag.removeprefix(_CORE)
        if type(node) is ScalarNode:
            plain = ScalarNode("", node.value, node.start_mark)
            return tag == "str" or type(self._scalar(plain, ())) is _TAGGED.get(tag)
        return tag == ("seq" if type(node) is SequenceNode else "map")

    def _note(self, node: Node, code: str, path: tuple[Part, ...], **values: Any) -> None:
        mark = node.start_mark
        self._tree._note(mark.line + 1, mark.column + 1, code, self._tree.label(path), **values)
