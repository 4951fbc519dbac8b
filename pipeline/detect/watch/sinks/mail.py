"""E-mail by SMTP (RFC 5321), with STARTTLS (RFC 3207) or TLS, in plain text."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from pipeline.detect.watch.notice import Notice
from pipeline.detect.watch.sinks.sink import Once, Refused, Unreached
from pipeline.detect.watch.sinks.words import text as in_words

TLS = ("starttls", "tls", "none")
_MOST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Mail(Once):
    """Sends a message a notification. Those of one thread are shown together by mail programs; a repeated one has
    the same Message-ID."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: str = "starttls"
    user: str = ""
    password: str = ""
    timeout: float = 20.0
    ca: str = ""

    def send(self, notice: Notice) -> None:
        """Raises Unreached and Refused."""
        message = self.message(notice)
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.tls == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
            else:
                server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
            with server:
                if self.tls == "starttls":
                    server.starttls(context=context)
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message, self.sender, list(self.to))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise self._failed(min(codes), f"recipients refused: {', '.join(error.recipients)}") from error
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error
            text = said.decode(errors="replace") if isinstance(said, bytes) else said
            raise self._failed(error.smtp_code, f"{error.smtp_code} {text}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{self._where}: {error}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unreached(f"{self._where}: {getattr(error, 'strerror', None) or error}") from error

    @property
    def _where(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def _failed(self, code: int, said: str) -> Exception:
        """5xx is for good, 4xx is for now (RFC 5321, 4.2.1); no server at all says nothing."""
        return (Refused if 500 <= code < 600 else Unreached)(f"{self._where}: {' '.join(said.split())}")

    def message(self, notice: Notice) -> EmailMessage:
        """The message."""
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Subject"] = " ".join(notice.title.split())[:_MOST_SUBJECT]
        message["Date"] = formatdate()
        domain = self.sender.rpartition("@")[2].rstrip(">") or "shoal.invalid"
        message["Message-ID"] = f"<{notice.key}@{domain}>"
        # Of a message that was never sent: mail programs put together what refers to the same.
        message["References"] = f"<{notice.thread}.thread@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Shoal-Thread"] = notice.thread
        message.set_content(in_words(notice))
        return message
