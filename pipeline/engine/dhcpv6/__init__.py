"""DHCPv6 (RFC 8415): messages with their options, and the exchanges they make up."""
