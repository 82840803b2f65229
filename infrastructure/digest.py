"""One digest for all that a store holds."""

from hashlib import sha256

from .recorder import Recorder


def store_digest(recorder: Recorder) -> str:
    """Return a SHA-256 over the id, position and digest of every session, sorted by id; in hexadecimal.

    The digest of a session covers all its events, so that the result differs as soon as one of them does.
    """
    heads = sorted((entry.session, entry.position, entry.digest.hex()) for entry in recorder.read_entries())
    digest = sha256(b"turnlog store 1\n")
    for session, position, head in heads:
        digest.update(f"{len(session)} {session} {position} {head}\n".encode())
    return digest.hexdigest()
