"""PyAI's agents, on ordinary operations; its sessions are in `sessions`."""

from .agents import Agent, Runner

__all__ = ["Agent", "Runner"]
