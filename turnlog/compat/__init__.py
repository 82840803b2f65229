"""One package per documented system: its names and semantics, on ordinary sessions.

Replace the top package name of a program by `turnlog.compat.<name>`. What the program creates is an ordinary session,
which `turnlog.Session.open` opens; the attribute `turnlog` of its objects is the ordinary object behind them.
"""

__all__: list[str] = []
