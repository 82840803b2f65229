"""The page of all commands, made of the commands themselves: `python -m turnlog.cli.reference > docs/commands.md`."""

from collections.abc import Iterator
from typing import Any

import typer

from .app import app

HEAD = """# Commands

`turnlog` is there once Turnlog is installed with its extra: `pip install './turnlog[cli]'`. This page is made of the
commands themselves, by `python -m turnlog.cli.reference > docs/commands.md`.

A SESSION is the id of a session or the beginning of one that no other has, its key, a label that no other session
has, or `@last`, the one used last. A BRANCH is the name, the number or the id of one. A MOMENT is a position, or a
time such as `2026-07-01T12:00:05Z`, which is local if it names no zone. A time covers the whole of its last unit, and
as a moment means its end: `12:00:05Z` has everything that was recorded in that second, `2026-07-01` all of that day.
So a time that a command printed can be given to another one, and the event that it was printed for is there. An
argument that begins with a minus (a position that was inherited, as -3) is written behind `--`.

Which store is meant: `--store`, then the settings: `TURNLOG_STORE`, then `store` in `./turnlog.toml`, then
`sqlite:///turnlog.db`. A path without a scheme, such as `turnlog.db`, is a SQLite file. A store that is not there is
made by `init`, by `import` and, as a target, by `copy`; every other command refuses it. A store in memory would end
with the command, so it is an error. A store of an older version is brought up to date by `migrate`.

What is asked for goes to standard output, everything else to standard error. In a pipe there are no colours, columns
are parted by tabs, and nothing is cut off; `NO_COLOR` has a terminal do without colours, too. Control characters in
what somebody said are spelled out, as `\\x1b`. With `--json` the answer is one JSON document, or one per line where
the option says so; fields may be added to them later, and none is taken away. Times are in UTC. Who changes something
is on the record as its actor: your login name, or `--actor`.

| it ends with | when |
|---|---|
| 0 | all went well |
| 1 | the request was refused: it contradicts the record, or a file is missing or wrong; nothing was written |
| 2 | the command line is wrong: a command, an option, or a value that can never be right, such as `--role nobody` |
| 3 | the store failed or is not there, or what `verify` and `doctor` look at is not as it should be |
| 70 | a fault in Turnlog itself |
| 130 | it was interrupted (Ctrl-C) |
| 141 | nobody read its output to the end, as when it goes into `head -1` |

`turnlog --install-completion` has your shell complete commands, options, sessions and branches.
"""

OF_TYPER = ("install_completion", "show_completion")
"""Options whose words are not ours, and may change with the package that has them."""


def reference() -> str:
    """The page."""
    root = typer.main.get_command(app)
    sections = [f"## Options of all commands\n\nThe first three may stand anywhere, too.\n\n{_table(root)}"]
    sections += [_section(name, command) for name, command in commands(root)]
    return f"{HEAD}\n" + "\n".join(sections)


def commands(group: Any, before: str = "turnlog") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name, in the order of the help."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def parameters(command: Any) -> list[tuple[str, str]]:
    """What a command takes, and what it says of each."""
    ours = [each for each in command.params if each.name not in OF_TYPER]
    return [(_written(each), str(getattr(each, "help", None) or "") + _default(each)) for each in ours]


def _section(name: str, command: Any) -> str:
    words = (command.help or "").strip()
    arguments = "".join(f" {_usage(each)}" for each in command.params if each.param_type_name == "argument")
    table = _table(command)
    return f"## {name}\n\n{words}\n\n```\n{name}{arguments} [OPTIONS]\n```\n{f'{chr(10)}{table}' if table else ''}"


def _table(command: Any) -> str:
    rows = [f"| `{written}` | {_cell(words)} |\n" for written, words in parameters(command)]
    return "| | |\n|---|---|\n" + "".join(rows) if rows else ""


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _usage(argument: Any) -> str:
    name = f"{argument.metavar or argument.name.upper()}{'...' if argument.nargs != 1 else ''}"
    return name if argument.required else f"[{name}]"


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _usage(parameter)
    names = ", ".join(sorted([*parameter.opts, *parameter.secondary_opts], key=len))
    return names if parameter.is_flag else f"{names} {parameter.metavar or parameter.name.upper()}"


def _default(parameter: Any) -> str:
    """The default, where there is one that means something."""
    value = parameter.default
    if parameter.param_type_name == "argument" or value in (None, False, "", [], ()) or callable(value):
        return ""
    return f" Default: {value}."


if __name__ == "__main__":
    print(reference(), end="")
