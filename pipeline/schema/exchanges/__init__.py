"""What is said over conversations: the fields of each protocol's messages, and the record of its exchanges."""

from __future__ import annotations

from pipeline.schema.column import Column, Record
from pipeline.schema.exchanges.arp import ARP, ARP_DETAILS, BINDINGS, ND, ND_DETAILS
from pipeline.schema.exchanges.dhcp import DHCP, DHCP_DETAILS
from pipeline.schema.exchanges.dhcpv6 import DHCPV6, DHCPV6_DETAILS
from pipeline.schema.exchanges.dns import DNS, DNS_DETAILS
from pipeline.schema.exchanges.http import HTTP, HTTP_DETAILS
from pipeline.schema.exchanges.icmp import ICMP, ICMP_DETAILS
from pipeline.schema.exchanges.kerberos import KERBEROS, KERBEROS_DETAILS
from pipeline.schema.exchanges.ntp import NTP, NTP_DETAILS
from pipeline.schema.exchanges.oicq import OICQ, OICQ_DETAILS
from pipeline.schema.exchanges.smtp import SMTP, SMTP_DETAILS
from pipeline.schema.exchanges.snmp import SNMP, SNMP_DETAILS
from pipeline.schema.exchanges.ssh import SSH, SSH_DETAILS
from pipeline.schema.exchanges.tls import TLS, TLS_DETAILS

EXCHANGES: tuple[Record, ...] = (
    DNS,
    DHCP,
    DHCPV6,
    ARP,
    ND,
    BINDINGS,
    ICMP,
    TLS,
    HTTP,
    SMTP,
    SSH,
    OICQ,
    NTP,
    SNMP,
    KERBEROS,
)  # fmt: skip
"""Every record of exchanges, in the order in which tables are made."""

DETAILS: dict[str, Column] = {
    column.name: column
    for columns in (
        DNS_DETAILS,
        DHCP_DETAILS,
        DHCPV6_DETAILS,
        ARP_DETAILS,
        ND_DETAILS,
        ICMP_DETAILS,
        TLS_DETAILS,
        HTTP_DETAILS,
        SMTP_DETAILS,
        SSH_DETAILS,
        OICQ_DETAILS,
        NTP_DETAILS,
        SNMP_DETAILS,
        KERBEROS_DETAILS,
    )
    for column in columns
}  # fmt: skip
"""Fields that `shoal read -e` prints of a frame, besides the columns of `PACKETS`: name to declaration."""
