"""Keeps the translations complete: collects every text from the source and brings the ``.ts`` files up to date.

    python -m app.gui.catalogue          # which texts have no translation; exit status 1 if any has none
    python -m app.gui.catalogue --update # write the files: new texts as unfinished, dead ones gone

A text is a literal in a call of ``tr`` or of ``mark`` anywhere in ``app``. Literals in tables whose users call ``tr``
are wrapped in ``mark`` or named in ``TABLES``. What is composed below Qt is collected by ``catalogue_below``.
"""

from __future__ import annotations

import argparse
import ast
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import app
from app.gui.catalogue_below import collected_below
from app.gui.language import CONTEXT, catalogue_path, read_catalogue

LANGUAGES = ("it",)
_APP = Path(app.__file__).resolve().parent
# Names at the top of a module: every text in what is assigned to them, or in the class, is one for translators.
TABLES: dict[str, tuple[str, ...]] = {"gui/keys.py": ("KEYS", "Group"), "gui/qa/keys.py": ("KEYS", "On")}
_SHORTEST = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Report or update; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args(argv)
    texts = all_texts()
    missing = 0
    for language in LANGUAGES:
        path = catalogue_path(language)
        known = dict(read_catalogue(path)) if path.exists() else {}
        without = [text for text in texts if text not in known]
        if args.update:
            path.write_text(_as_ts(texts, known, language), encoding="utf-8")
        for text in without:
            print(f"{language}: {text}")
        print(f"{language}: {len(texts)} texts, {len(without)} without a translation", file=sys.stderr)
        missing += len(without)
    return 1 if missing and not args.update else 0


@functools.cache
def all_texts() -> tuple[str, ...]:
    """Every text once, in order; read from the source once."""
    return tuple(sorted(set(collected())))


def collected() -> Iterator[str]:
    """Every text of the application that is to be translated."""
    yield from collected_below()
    for path in sorted(_APP.rglob("*.py")):
        name = path.relative_to(_APP).as_posix()
        source = path.read_text(encoding="utf-8")
        if name not in TABLES and "tr(" not in source and "mark(" not in source:
            continue
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark"):
                yield from filter(None, _literals(node.args[0]) if node.args else ())
        for node in tree.body:
            if _names(node) & set(TABLES.get(name, ())):
                yield from (text for text in _literals(node) if _worded(text))


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return {node.name} if isinstance(node, ast.ClassDef) else set()


def _literals(node: ast.AST) -> Iterator[str]:
    """Texts in an expression, docstrings and the keys' own names apart."""
    docstring = node.body[0].value if isinstance(node, ast.ClassDef) and isinstance(node.body[0], ast.Expr) else None
    if isinstance(node, ast.Tuple | ast.Set) and all(isinstance(e, ast.Constant) for e in node.elts):
        return  # a tuple of bare words is a list of keys
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        if child is not docstring and not (isinstance(child, ast.Expr) and child.value is docstring):
            yield from _literals(child)


def _worded(text: str) -> bool:
    return len(text) >= _SHORTEST and any(c.isalpha() for c in text)


def _as_ts(texts: Sequence[str], known: dict[str, str], language: str) -> str:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>", f'<TS version="2.1" language="{language}">']
    lines += ["<context>", f"    <name>{CONTEXT}</name>"]
    for text in texts:
        done = known.get(text)
        translation = f"<translation>{escape(done)}</translation>" if done else '<translation type="unfinished"/>'
        lines += [
            "    <message>",
            f"        <source>{escape(text)}</source>",
            f"        {translation}",
            "    </message>",
        ]
    lines += ["</context>", "</TS>", ""]
    text = "\n".join(lines)
    ElementTree.fromstring(text.encode())  # never a file that the next start cannot read
    return text


if __name__ == "__main__":
    sys.exit(main())
