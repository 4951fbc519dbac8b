"""Fields of SSH in clear (RFC 4253), and the record `ssh_states`: how a connection was begun."""

from __future__ import annotations

from pipeline.schema.column import Column as C
from pipeline.schema.exchanges.common import ENDS, PORTS, exchanges

_LISTS = (
    ("kex_algorithms", "Key exchange algorithms"),
    ("server_host_key_algorithms", "Algorithms of the server's host key"),
    ("encryption_algorithms_client_to_server", "Ciphers from client to server"),
    ("encryption_algorithms_server_to_client", "Ciphers from server to client"),
    ("mac_algorithms_client_to_server", "MACs from client to server"),
    ("mac_algorithms_server_to_client", "MACs from server to client"),
    ("compression_algorithms_client_to_server", "Compression from client to server"),
    ("compression_algorithms_server_to_client", "Compression from server to client"),
    ("languages_client_to_server", "Languages from client to server"),
    ("languages_server_to_client", "Languages from server to client"),
)

HASSH = C("ssh.kex.hassh", "text", "HASSH: MD5 of the client's algorithms")
HASSH_SERVER = C("ssh.kex.hasshserver", "text", "HASSH server: MD5 of the server's algorithms")
HOST_KEY_TYPE = C("ssh.host_key.type", "text", "Type of the server's host key")

SSH_DETAILS: tuple[C, ...] = (
    C("ssh.protocol", "string", "Banner: version and software"),
    C("ssh.packet_length", "u32", "Length of a packet in clear, behind these four bytes", unit="bytes"),
    C("ssh.padding_length", "u8", "Length of its padding", unit="bytes"),
    C("ssh.message_code", "u8", "Message number of a packet in clear"),
    *(C(f"ssh.{name}", "string", f"{meaning}, as offered") for name, meaning in _LISTS),
    C("ssh.first_kex_packet_follows", "u8", "A guessed key exchange packet follows"),
    C("ssh.kex.hassh_algorithms", "string", "What HASSH is the MD5 of"),
    HASSH,
    C("ssh.kex.hasshserver_algorithms", "string", "What HASSH server is the MD5 of"),
    HASSH_SERVER,
    HOST_KEY_TYPE,
)
"""What is told of each frame with a message in clear."""

_OFFERED = _LISTS[:8]

SSH = exchanges(
    "ssh", "One row for the beginning of each SSH connection, up to where it is encrypted",
    *ENDS, *PORTS,
    C("shoal.ssh.version", "u8", "Version of the protocol that both speak: 1 or 2"),
    C("shoal.ssh.client", "text", "Banner of the client"),
    C("shoal.ssh.server", "text", "Banner of the server"),
    C("shoal.ssh.kex", "text", "Key exchange algorithm: the client's first that the server has too"),
    C("shoal.ssh.host_key", "text", "Algorithm of the host key, chosen so"),
    C("shoal.ssh.cipher_client_to_server", "text", "Cipher from client to server, chosen so"),
    C("shoal.ssh.cipher_server_to_client", "text", "Cipher from server to client, chosen so"),
    C("shoal.ssh.mac_client_to_server", "text", "MAC from client to server; none where the cipher needs none"),
    C("shoal.ssh.mac_server_to_client", "text", "MAC from server to client; none where the cipher needs none"),
    C("shoal.ssh.compression_client_to_server", "text", "Compression from client to server"),
    C("shoal.ssh.compression_server_to_client", "text", "Compression from server to client"),
    HASSH, HASSH_SERVER, HOST_KEY_TYPE,
    C("shoal.ssh.host_key_fingerprint", "text", "Fingerprint of the host key, as `ssh-keygen -l` prints it"),
    *(
        C(f"shoal.ssh.{who}.{name}", "text", f"{meaning} that the {who} offers, by commas; up to 1,024 characters")
        for who in ("client", "server")
        for name, meaning in _OFFERED
    ),
    *(
        C(f"shoal.ssh.{who}.{step}_frame", "u64", f"Frame that ends the {who}'s {what}")
        for who in ("client", "server")
        for step, what in (("banner", "banner"), ("kexinit", "key exchange lists"), ("newkeys", "part in clear"))
    ),
    C("shoal.ssh.banner_time", "seconds", "From the first banner to the second", unit="s"),
    C("shoal.ssh.kexinit_time", "seconds", "From the second banner until both key exchange lists were there", unit="s"),
    C("shoal.ssh.kex_time", "seconds", "From there until both sides used the new keys", unit="s"),
    C("shoal.ssh.disconnected", "text", "Side that said in clear that it ends the connection: client or server"),
    C("shoal.ssh.disconnect_reason", "u32", "The reason it gave (RFC 4253 11.1)"),
)  # fmt: skip
