"""A program that serves tools over MCP: `tool_server.py` by its input and output, `tool_server.py http` by an address.

By an address, it says on its output at which port.
"""

import os
import socket
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("tests")


@server.tool()
def add(a: int, b: int = 0) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def raising() -> str:
    """Always fails."""
    raise ToolError("the pipe burst")


@server.tool()
def whoami() -> dict[str, str]:
    """The process and its environment."""
    return {"pid": str(os.getpid()), **{key: os.environ[key] for key in sorted(os.environ) if key.startswith("TOLD")}}


@server.tool()
def keys() -> str:
    """The names of keys in the environment."""
    return ",".join(key for key in sorted(os.environ) if key.endswith("_KEY"))


@server.tool()
def authorization(ctx: Context) -> str:
    """What the request came with."""
    return (ctx.headers or {}).get("authorization", "nothing")


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=b"\xff\xfe", format="png")


@server.tool()
def leave() -> str:
    """Ends the server."""
    os._exit(3)


@server.tool()
async def hang() -> str:
    """Never answers."""
    import anyio

    await anyio.sleep_forever()
    return "never"


if __name__ == "__main__":
    if "http" in sys.argv:
        heard = socket.create_server(("127.0.0.1", 0))
        print(heard.getsockname()[1], flush=True)  # noqa: T201 whoever started it reads where it is
        uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error")).run([heard])
    elif "broken" in sys.argv:
        sys.exit("it does not start")
    else:
        server.run()
