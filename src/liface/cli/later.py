"""Commands that are imported when they are used, so that help and a question start without all the others."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, MutableMapping
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_name, get_group
from typer.models import CommandInfo

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter


@dataclass(frozen=True)
class Later:
    """A command, or a group of them, by the place where it is declared.

    Parameters
    ----------
    module
        Module of this package.
    attribute
        Function of a command, or ``app`` of a group.
    help
        First sentence of its help, which the list of commands shows; a test compares it with the help itself.
    """

    module: str
    attribute: str
    help: str

    def load(self, name: str) -> Command:
        """Import the command and give it its name."""
        declared = getattr(import_module(f"liface.cli.{self.module}"), self.attribute)
        holder = _holder()
        if isinstance(declared, typer.Typer):
            holder.add_typer(_without_commands(declared), name=name, cls=late_group(_own_commands(declared)))
        else:
            holder.command(name)(declared)
        return get_group(holder).commands[name]


@dataclass(frozen=True)
class Declared:
    """A command that is imported; its options are made ready when it is used, which takes longer than its help."""

    info: CommandInfo

    @property
    def help(self) -> str:
        """The whole help."""
        return self.info.help or inspect.getdoc(self.info.callback) or ""

    def load(self, name: str) -> Command:
        """Make the options ready."""
        holder = _holder()
        holder.registered_commands.append(self.info)
        return get_group(holder).commands[name]


def _holder() -> typer.Typer:
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


def _without_commands(declared: typer.Typer) -> typer.Typer:
    bare = copy(declared)
    bare.registered_commands = []
    return bare


def _own_commands(declared: typer.Typer) -> dict[str, Later | Declared]:
    """Return the commands of a group in the order of its help: its own, then those of other modules."""
    own = {
        info.name or get_command_name(info.callback.__name__): Declared(info)
        for info in declared.registered_commands
        if info.callback
    }
    return {**own, **getattr(declared.info.cls, "later", {})}


class _Commands(MutableMapping[str, "Command"]):
    """The commands of a group; one that is looked up is imported."""

    def __init__(self, later: Mapping[str, Later | Declared]):
        self._known: dict[str, Command | Later | Declared] = dict(later)

    def __getitem__(self, name: str) -> Command:
        known = self._known[name]
        if isinstance(known, Later | Declared):
            known = self._known[name] = known.load(name)
        return known

    def __setitem__(self, name: str, command: Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def listed(self) -> dict[str, Command]:
        """Return every command as far as a list shows it, without importing any."""
        return {
            name: TyperCommand(name, help=known.help, callback=None) if isinstance(known, Later | Declared) else known
            for name, known in self._known.items()
        }


class LateGroup(TyperGroup):
    """A group whose commands are imported when they are used; see :func:`late_group`."""

    later: Mapping[str, Later | Declared] = {}

    def __init__(self, *, commands: Mapping[str, Command] | None = None, **options: Any):
        super().__init__(**options)
        self._late = _Commands({**self.later, **(commands or {})})  # type: ignore[dict-item]
        self.commands = self._late

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names in the order of their declaration."""
        return list(self._late)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List all commands."""
        TyperGroup(name=self.name, commands=self._late.listed()).format_commands(ctx, formatter)


def late_group(later: Mapping[str, Later | Declared]) -> type[LateGroup]:
    """Return the class of a group with these commands after those that it has at once."""
    return type("LateGroup", (LateGroup,), {"later": dict(later)})
