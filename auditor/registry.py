"""Finds plug-ins: our own sockets by folder, a user's folder of checks, and installed packages.

``checks/``, ``inventory/`` and ``reports/`` are loaded by path under ``auditor._sockets.*``, so that
no stranger's top-level package of the same name can ever be imported in their place.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import stat
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from auditor.check import Check
from auditor.collector import Collector
from auditor.model import CapdoError

_HERE = Path(__file__).resolve().parent


class PluginError(CapdoError):
    """A plug-in that cannot be loaded; never left out in silence."""


def folder_of(socket: str) -> Path:
    """Where our own plug-ins of a socket lie: inside us when installed, beside us in a checkout."""
    inside, beside = _HERE / socket, _HERE.parent / socket
    if inside.is_dir():
        return inside
    if (_HERE.parent / "audit.py").is_file() and (_HERE.parent / "pyproject.toml").is_file():
        return beside
    raise PluginError(f"this installation has no {socket} folder")


def load_folder(folder: Path, package: str) -> Iterator[ModuleType]:
    """Import every public module under a folder, under a package name of our choosing."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part.startswith(("_", ".")) for part in parts):
            continue
        yield load_module(path, ".".join((package, *parts)))


def load_module(path: Path, name: str) -> ModuleType:
    """Import one file under ``name``; an exception in it becomes a ``PluginError`` that names the file."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        del sys.modules[name]
        raise PluginError(f"{path}: {type(exc).__name__}: {exc}") from exc
    return module


def load_parts(folder: Path) -> ModuleType:
    """A package that several plug-ins of a socket are made of, by path as they are: ``reports/_parts``."""
    name = f"auditor._sockets.{folder.parent.name}.{folder.name}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None:
            raise PluginError(f"{folder}: not a package")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def _own_classes(module: ModuleType) -> Iterator[type]:
    """Classes made in this very module: imported ones and ``__subclasses__`` would give twins."""
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__ and not value.__name__.startswith("_"):
            yield value


def _file(module: ModuleType) -> Path:
    return Path(str(module.__file__))


def _index(modules: Iterator[ModuleType], base: type, into: dict[str, tuple[Any, Path]]) -> None:
    for module in modules:
        for made in _own_classes(module):
            if not issubclass(made, base) or getattr(made, "__abstractmethods__", None):
                continue
            known = into.get(made.id)  # type: ignore[attr-defined]
            if known is not None:
                raise PluginError(f"{made.id}: defined in {known[1]} and in {_file(module)}")  # type: ignore[attr-defined]
            into[made.id] = (made(), _file(module))  # type: ignore[attr-defined]


_folders: tuple[Path, ...] = ()


def use_checks_folders(folders: tuple[Path, ...]) -> None:
    """Add folders of a user's own checks (--checks-dir), before the first check is loaded."""
    global _folders  # noqa: PLW0603  (one process, one command line)
    _folders = folders
    checks.cache_clear()


@cache
def checks() -> dict[str, tuple[Check[Any, Any], Path]]:
    """All checks by id, each with its file (its texts lie beside it as ``.yaml``)."""
    found: dict[str, tuple[Any, Path]] = {}
    _index(load_folder(folder_of("checks"), "auditor._sockets.checks"), Check, found)
    for number, folder in enumerate(_folders):
        _refuse_writable(folder)
        _index(load_folder(folder, f"auditor._sockets.extra{number}"), Check, found)
    _index((importlib.import_module(e.module) for e in entry_points(group="capdo.checks")), Check, found)
    return dict(sorted(found.items()))


def check_table() -> dict[str, Check[Any, Any]]:
    """All checks by id, as judging and rule packs want them."""
    return {key: check for key, (check, _path) in checks().items()}


@cache
def collectors() -> dict[str, Collector]:
    """All collectors by id."""
    found: dict[str, tuple[Any, Path]] = {}
    names = sorted(path.stem for path in (_HERE / "collectors").glob("*.py") if not path.stem.startswith("_"))
    packages = sorted(path.parent.name for path in (_HERE / "collectors").glob("*/__init__.py"))
    modules = (importlib.import_module(f"auditor.collectors.{name}") for name in (*names, *packages))
    _index(modules, Collector, found)
    _index((importlib.import_module(e.module) for e in entry_points(group="capdo.collectors")), Collector, found)
    return {key: made for key, (made, _) in sorted(found.items())}


@cache
def inventory_sources() -> tuple[Any, ...]:
    """Inventory plug-ins: instances with ``suffixes`` and ``load(path)``."""
    return tuple(_with("inventory", ("suffixes", "load")))


@cache
def reports() -> dict[str, Any]:
    """Report plug-ins by format: instances with ``format`` and ``render(run, out, lang)``."""
    found: dict[str, Any] = {}
    for made in _with("reports", ("format", "render")):
        if made.format in found:
            raise PluginError(f"report format {made.format} is defined twice")
        found[made.format] = made
    return dict(sorted(found.items()))


def _with(socket: str, names: tuple[str, ...]) -> Iterator[Any]:
    modules = list(load_folder(folder_of(socket), f"auditor._sockets.{socket}"))
    modules += [importlib.import_module(e.module) for e in entry_points(group=f"capdo.{socket}")]
    for module in modules:
        for made in _own_classes(module):
            if all(hasattr(made, name) for name in names) and not getattr(made, "_is_protocol", False):
                yield made()


def _refuse_writable(folder: Path) -> None:
    """Checks are code: a folder that others may write to could make us run theirs."""
    if not folder.is_dir():
        raise PluginError(f"{folder}: no such folder of checks")
    if os.name != "posix":
        return
    for path in (folder, *folder.rglob("*")):
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PluginError(f"{path}: may be written by others; checks are code, so this folder is refused")
