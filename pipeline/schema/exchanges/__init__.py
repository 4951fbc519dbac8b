"""What is said over conversations: the fields of each protocol's messages, and the record of its exchanges."""

from __future__ import annotations

from pipeline.schema.column import Column, Record
from pipeline.schema.exchanges.dhcp import DHCP, DHCP_DETAILS
from pipeline.schema.exchanges.dns import DNS, DNS_DETAILS
from pipeline.schema.exchanges.http import HTTP, HTTP_DETAILS
from pipeline.schema.exchanges.icmp import ICMP, ICMP_DETAILS
from pipeline.schema.exchanges.smtp import SMTP, SMTP_DETAILS
from pipeline.schema.exchanges.ssh import SSH, SSH_DETAILS
from pipeline.schema.exchanges.tls import TLS, TLS_DETAILS

EXCHANGES: tuple[Record, ...] = (
    DNS,
    DHCP,
    ICMP,
    TLS,
    HTTP,
    SMTP,
    SSH,
)  # fmt: skip
"""Every record of exchanges, in the order in which tables are made."""

DETAILS: dict[str, Column] = {
    column.name: column
    for columns in (
        DNS_DETAILS,
        DHCP_DETAILS,
        ICMP_DETAILS,
        TLS_DETAILS,
        HTTP_DETAILS,
        SMTP_DETAILS,
        SSH_DETAILS,
    )
    for column in columns
}  # fmt: skip
"""Fields that `shoal read -e` prints of a frame, besides the columns of `PACKETS`: name to declaration."""
