"""HTTP/2 with prior knowledge (RFC 9113, 3.3), in frames written by hand: a room's program may speak it, too.

Nothing but the standard library: what must speak from inside a room is sent there as text.
"""

from __future__ import annotations

import contextlib
import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
STATUSES = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
"""What one byte of HPACK's static table says (RFC 7541, appendix A)."""


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    """One frame."""
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def literal(text: str) -> bytes:
    """A name or a value as it is, with its length before it (RFC 7541, 5.1 and 5.2)."""
    content = text.encode("latin-1")
    if len(content) < 127:
        return bytes([len(content)]) + content
    left, length = len(content) - 127, b"\x7f"
    while left >= 128:
        length, left = length + bytes([left % 128 + 128]), left >> 7
    return length + bytes([left]) + content


def ask(s: socket.socket, headers: dict[str, str], body: bytes | None = None) -> tuple[str, int]:
    """Send one request and return the protocol and the status that it is answered with; ("", 0) for no answer.

    Args:
        body: sent without a `content-length` unless `headers` name one.
    """
    block = b"".join(b"\x00" + literal(name) + literal(value) for name, value in headers.items())
    ends = END_HEADERS | (END_STREAM if body is None else 0)
    said = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, ends, 1, block)
    if body is not None:
        parts = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
        said += b"".join(frame(DATA, END_STREAM if part is parts[-1] else 0, 1, part) for part in parts)
    heard = b""
    with contextlib.suppress(OSError):  # it may be cut off in the midst; what was answered by then is read all the same
        s.sendall(said)
    with contextlib.suppress(OSError):
        while answer(heard) == ("", 0) and (more := s.recv(65536)):
            heard += more
    return answer(heard)


def answer(heard: bytes) -> tuple[str, int]:
    """The protocol and the status of what was answered so far."""
    if heard.startswith(b"HTTP/1."):
        words = heard.split(b"\r\n", 1)[0].split()
        return (words[0].decode(), int(words[1])) if b"\r\n" in heard else ("", 0)
    while len(heard) >= 9:
        size, kind = int.from_bytes(heard[:3], "big"), heard[3]
        content, heard = heard[9 : 9 + size], heard[9 + size :]
        if kind == HEADERS and len(content) == size:
            return "HTTP/2", STATUSES.get(content[0]) or int(content[2:5])
    return "", 0
