"""Decoding: frames to columns, one module a layer. `decode` is the way in."""

from collectors.decode.frames import decode

__all__ = ["decode"]
