"""Models of providers, asked over pydantic-ai. May import what infrastructure may."""
