"""Every flag that the code raises is explained."""

import ast
import re
from pathlib import Path

import liface
from liface.documents import FLAGS

SOURCE = Path(liface.__file__).parent
SLUG = re.compile(r"^([a-z][a-z0-9_]*)(?::|$)")


def flags_raised(tree: ast.AST) -> set[str]:
    """Slugs of the text that enters flags: appended to, added to, assigned to or returned as flags."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="flags"), attr="append" | "add" | "extend"), args=args):
                found |= {slug for arg in args for slug in _slugs(arg)}
            case ast.Assign(targets=[ast.Name(id="flags")], value=value):
                found |= _slugs(value)
            case ast.AugAssign(target=ast.Name(id="flags"), value=value):
                found |= _slugs(value)
            case ast.keyword(arg="flags", value=value):
                found |= _slugs(value)
            case ast.FunctionDef(name=name) if name.endswith("flags"):
                found |= {slug for inner in ast.walk(node) if isinstance(inner, ast.Return) for slug in _slugs(inner)}
    return found


def _slugs(node: ast.AST | None) -> set[str]:
    match node:
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return {found[1]} if (found := SLUG.match(text)) else set()
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            inner = parts
        case ast.Starred(value=value) | ast.Return(value=value):
            inner = [value]
        case ast.IfExp(body=body, orelse=orelse):
            inner = [body, orelse]
        case ast.BinOp(left=left, right=right):
            inner = [left, right]
        case ast.Call(func=ast.Name(id="tuple" | "list" | "set") | ast.Attribute(attr="fromkeys"), args=args):
            inner = args
        case _:
            inner = []
    return {slug for part in inner for slug in _slugs(part)}


def test_the_search_for_flags_sees_every_way_to_raise_one():
    code = """
flags = ["one"]
flags.append(f"two: {x}")
flags += (f"three: {x}",) if x else ()
Result(flags=("four", *others))
kept = dict.fromkeys(("none of these",))
def bond_flags():
    return (f"five: {n} of {m}",) if n else ()
flags = dict.fromkeys((*domain("not_this"), *(() if kept else (f"six: {x}",))))
"""
    assert flags_raised(ast.parse(code)) == {"one", "two", "three", "four", "five", "six"}


def test_every_flag_that_is_raised_is_explained_and_every_explained_flag_is_raised():
    raised: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for slug in flags_raised(ast.parse(path.read_text(encoding="utf-8"))):
            raised.setdefault(slug, []).append(path.name)
    assert len(raised) > 10
    unknown = {slug: where for slug, where in raised.items() if slug not in FLAGS}
    assert not unknown, f"not in FLAGS: {unknown}"
    assert not set(FLAGS) - set(raised), f"never raised: {set(FLAGS) - set(raised)}"


def test_flags_that_forbid_trust_exist():
    from liface.report.grouping import UNTRUSTED

    assert set(FLAGS) >= UNTRUSTED
