"""SSH: banners and key exchange, as far as they are in clear (RFC 4253)."""

from pipeline.engine.ssh.tracker import Ssh

__all__ = ["Ssh"]
