"""DHCP (RFC 2131) and BOOTP (RFC 951): messages with their options, and the exchanges they make up."""
