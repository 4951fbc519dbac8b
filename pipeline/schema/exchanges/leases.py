"""The view `leases`: who had which address from when until when, of all rows of `dhcp` and `dhcpv6`."""

from __future__ import annotations

MEANING = "One row for each lease of an address by DHCP or DHCPv6, from its first ACK until it ended or will end"
"""What a row of the view is."""

_FOR_EVER = 4_294_967_295
_LATEST = ("hw", "client_id", "hostname", "server", "lease")

# What was said of an address, and when: an ACK with its lease, or what ends one.
_V4 = f"""
SELECT sensor, capture, `shoal.first_frame` AS first_frame, toString(said.2) AS address, said.1 AS what, said.3 AS time,
    `dhcp.hw.addr` AS client, `dhcp.hw.mac_addr` AS hw, `dhcp.client_id` AS client_id,
    coalesce(nullIf(`dhcp.fqdn.name`, ''), `dhcp.option.hostname`) AS hostname,
    toString(`dhcp.option.dhcp_server_id`) AS server,
    coalesce(`dhcp.option.ip_address_lease_time`, {_FOR_EVER}) AS lease
FROM dhcp_states FINAL
ARRAY JOIN [
    ('ack', `dhcp.ip.your`, if(`shoal.dhcp.kind` = 'inform', NULL, `shoal.dhcp.ack_time`)),
    ('nakked', coalesce(`dhcp.ip.client`, `dhcp.option.requested_ip_address`), `shoal.dhcp.nak_time`),
    ('declined', coalesce(`dhcp.ip.your`, `dhcp.option.requested_ip_address`), `shoal.dhcp.decline_time`),
    ('released', `dhcp.ip.client`, `shoal.dhcp.release_time`)
] AS said
WHERE said.2 IS NOT NULL AND said.3 IS NOT NULL
"""
_V6 = """
SELECT sensor, capture, `shoal.first_frame` AS first_frame, toString(ip) AS address,
    multiIf(`shoal.dhcpv6.kind` = 'release', 'released', `shoal.dhcpv6.kind` = 'decline', 'declined', 'ack') AS what,
    multiIf(what = 'released', `shoal.dhcpv6.release_time`, what = 'declined', `shoal.dhcpv6.decline_time`,
            `shoal.dhcpv6.reply_time`) AS time,
    `shoal.dhcpv6.client` AS client, `shoal.dhcpv6.client_hw` AS hw, `shoal.dhcpv6.client` AS client_id,
    `dhcpv6.client_domain` AS hostname, `shoal.dhcpv6.server` AS server, lifetime AS lease
FROM dhcpv6_states FINAL
ARRAY JOIN `dhcpv6_address.ip` AS ip, `dhcpv6_address.valid_lifetime` AS lifetime
WHERE time IS NOT NULL AND (what != 'ack' OR (lifetime > 0 AND `shoal.dhcpv6.outcome` = 'replied'))
"""


def select() -> str:
    """The SELECT of the view.

    ACKs of one client for one address make one lease as long as each comes before the one before has run out. It ends
    with what its client says (Release, Decline) or is told (NAK), or when another client is given the address.
    """
    columns = ("sensor, capture, first_frame, address, what, CAST(assumeNotNull(time), 'DateTime64(9, \\'UTC\\')') AS"
               " at, CAST(coalesce(client, ''), 'String') AS who, CAST(hw, 'Nullable(String)') AS hw,"
               " CAST(client_id, 'Nullable(String)') AS client_id, CAST(hostname, 'Nullable(String)') AS hostname,"
               " CAST(server, 'Nullable(String)') AS server, toUInt32(lease) AS lease")
    said = f"SELECT {columns} FROM ({_V4}) UNION ALL SELECT {columns} FROM ({_V6})"
    window = "PARTITION BY sensor, address, who ORDER BY at, first_frame"
    before = f"OVER ({window} ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING)"
    earlier = ("OVER (PARTITION BY sensor, address ORDER BY at, first_frame"
               " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)")
    held = f"SELECT *, anyLast(if(what = 'ack', who, NULL)) {earlier} AS holder FROM ({said})"
    begins = f"""
SELECT *, what = 'ack' AND NOT (any(what) {before} = 'ack' AND ifNull(holder = who, 0)
    AND any(at + toIntervalSecond(lease)) {before} >= at) AS begins
FROM ({held})
"""
    so_far = f"OVER ({window} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    numbered = f"SELECT *, sum(begins) {so_far} AS n FROM ({begins})"
    latest = ", ".join(f"argMaxIf({name}, at, what = 'ack') AS last_{name}" for name in _LATEST)
    leases = f"""
SELECT sensor, address, who, n, minIf(at, what = 'ack') AS begun, countIf(what = 'ack') AS acks,
    maxIf(at + toIntervalSecond(lease), what = 'ack') AS runs_out, minIf(at, what != 'ack') AS stopped_at,
    argMinIf(what, at, what != 'ack') AS stopped, countIf(what != 'ack') > 0 AS stops,
    argMinIf(capture, (at, first_frame), what = 'ack') AS its_capture,
    argMinIf(first_frame, (at, first_frame), what = 'ack') AS its_frame, {latest}
FROM ({numbered})
GROUP BY sensor, address, who, n
HAVING acks > 0
"""
    following = "OVER (PARTITION BY sensor, address ORDER BY begun ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING)"
    ended = f"""
SELECT *, count() {following} > 0 AS followed, any(begun) {following} AS next,
    if(stops AND stopped_at < runs_out, stopped_at, runs_out) AS until
FROM ({leases})
"""
    taken = "followed AND next < until"
    return f"""
SELECT sensor, address AS `shoal.address`, last_hw AS `shoal.hw`, last_client_id AS `shoal.client_id`,
    last_hostname AS `shoal.hostname`, begun AS `shoal.lease.start`,
    if({taken}, next, until) AS `shoal.lease.until`,
    multiIf({taken}, 'taken over', stops AND stopped_at < runs_out, stopped, '') AS `shoal.lease.ended`,
    acks AS `shoal.lease.acks`, last_lease AS `shoal.lease.time`, last_server AS `shoal.server`,
    its_capture AS capture, its_frame AS `shoal.first_frame`
FROM ({ended})
"""
