"""The demo: a small team of agents at work, recorded offline, and what can be asked of its record afterwards."""
