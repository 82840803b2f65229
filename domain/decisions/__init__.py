"""What may happen next: pure functions from (state, command) to events, or a refusal. Imports only the domain."""
