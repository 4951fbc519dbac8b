"""SMTP: commands and their replies (RFC 5321)."""

from pipeline.engine.smtp.tracker import Smtp

__all__ = ["Smtp"]
