"""What test_operation_kill.py kills: asks a model, which is told to call a tool that writes to a file, and then waits.

Arguments: the address of the store, the id of the session, the address of the model's server, the file.
"""

import asyncio
import sys
from pathlib import Path

from turnlog import Session, iModel, open_store


async def main(address: str, session_id: str, server: str, file: str) -> None:
    """Asks, until killed."""

    def note(text: str) -> str:
        """Notes a text in the file."""
        with Path(file).open("a") as notes:
            notes.write(text)
        return "noted"

    with open_store(address) as store:
        model = iModel("openai/gpt-4o-mini", base_url=server, api_key="none")
        session = Session("Be terse.", session_id=session_id, default_generate_model=model, tools=[note], store=store)
        await session.operate("Note it.", tools=["note"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
