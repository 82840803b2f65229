"""The command line: what a person asks of a store, and how it is shown. Knows every room; Typer and Rich live here."""
