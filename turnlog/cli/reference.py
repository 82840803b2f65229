"""The page docs/commands.md, generated from the commands: `python -m turnlog.cli.reference > docs/commands.md`."""

from collections.abc import Iterator
from typing import Any

import typer

from .app import PANELS, app

HEAD = """# Commands

The command `turnlog` is installed with the extra `cli`: `pip install './turnlog[cli]'`. This page is generated from the
commands by `python -m turnlog.cli.reference > docs/commands.md`.

A SESSION is the id of a session or a beginning of it that no other session has, its key, a name that no other session
has, or `@last`, the one used last. A BRANCH is the name, the number or the id of a branch. A MOMENT is a position or a
time. A time is absolute, such as `2026-07-01T12:00:05Z` (local without a zone), or relative: `2h` is two hours ago
(`s`, `m`, `h`, `d`, `w`). An absolute time covers the whole of its last unit, and as a MOMENT it is the end of it:
`12:00:05Z` includes every event of that second, `2026-07-01` every event of that day. So each time that a command
prints can be given to another command, and the event that it was printed for is included. Write an argument that begins
with a minus (an inherited position, such as -3) behind `--`.

The address of the store is `--store`, or else `TURNLOG_STORE`, or else `store` in `./turnlog.toml`, or else
`sqlite:///turnlog.db`. A path without a scheme, such as `turnlog.db`, is a SQLite file. `init`, `import` and `copy`
(its target) create a store that does not exist; to every other command that is an error. So is a store in memory, which
would end with the command. `migrate` updates a store of an older version.

The result is written to standard output, everything else to standard error. In a pipe there are no colours, columns
are separated by tabs, and nothing is truncated; `NO_COLOR` disables colours in a terminal. Control characters in
content are escaped, as `\\x1b`. `--format json` prints one JSON document, `--format jsonl` one document per line;
fields may be added to them later, and none is removed. Times are in UTC. The actor of recorded events is your login
name, or `--actor`.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | the request contradicts the record, or a file is missing or invalid; nothing was signature |
| 2 | the command line is invalid: a command, an option, or a value that is never valid, such as `--role robot` |
| 3 | the store failed or does not exist, or `verify` or `doctor` found a problem |
| 70 | a fault in Turnlog |
| 130 | interrupted (Ctrl-C) |
| 141 | the reader of its output closed the pipe, as `head -1` does |

`turnlog --install-completion` makes your shell complete commands, options, sessions and branches.
"""

OPTIONS_OF_TYPER = ("install_completion", "show_completion")
"""Options whose texts belong to Typer, and may change with it."""


def reference() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    sections = [f"## Options of all commands\n\nThe first three can follow the command, too.\n\n{_table(root)}"]
    of_panel = {name: title for title, panel in PANELS.items() for name in panel}
    current = ""
    for name, command in commands(root):
        title = of_panel[name.split()[1]]
        if title != current:
            sections.append(f"## {title}\n")
            current = title
        sections.append(_section(name, command))
    return f"{HEAD}\n" + "\n".join(sections)


def commands(group: Any, before: str = "turnlog") -> Iterator[tuple[str, Any]]:
    """Iterate over all commands with their full names, in the order of the help."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def parameters(command: Any) -> list[tuple[str, str]]:
    """Return the arguments and options of a command, and their descriptions."""
    own = [each for each in command.params if each.name not in OPTIONS_OF_TYPER]
    return [(_signature(each), str(getattr(each, "help", None) or "") + _default(each)) for each in own]


def _section(name: str, command: Any) -> str:
    description = (command.help or "").strip()
    arguments = "".join(f" {_usage(each)}" for each in command.params if each.param_type_name == "argument")
    table = _table(command)
    return (
        f"### {name}\n\n{description}\n\n```\n{name}{arguments} [OPTIONS]\n```\n{f'{chr(10)}{table}' if table else ''}"
    )


def _table(command: Any) -> str:
    rows = [f"| `{signature}` | {_cell(description)} |\n" for signature, description in parameters(command)]
    return "| | |\n|---|---|\n" + "".join(rows) if rows else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _usage(argument: Any) -> str:
    name = f"{argument.metavar or argument.name.upper()}{'...' if argument.nargs != 1 else ''}"
    return name if argument.required else f"[{name}]"


def _signature(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _usage(parameter)
    names = ", ".join(sorted([*parameter.opts, *parameter.secondary_opts], key=len))
    return names if parameter.is_flag else f"{names} {parameter.metavar or parameter.name.upper()}"


def _default(parameter: Any) -> str:
    """The default value, unless it is empty."""
    value = parameter.default
    if parameter.param_type_name == "argument" or value in (None, False, "", [], ()) or callable(value):
        return ""
    return f" Default: {value}."


if __name__ == "__main__":
    print(reference(), end="")
