"""Kerberos 5: requests for tickets with their replies (RFC 4120)."""

from pipeline.engine.kerberos.tracker import Kerberos

__all__ = ["Kerberos"]
