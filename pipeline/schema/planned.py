"""Wireshark's fields that Shoal does not give yet: `shoal read -e` takes them, warns, and prints nothing.

A list of fields made for tshark then runs as it is. A name leaves this list when its column comes.
"""

from __future__ import annotations

PLANNED: frozenset[str] = frozenset((
    "radiotap.channel.freq", "radiotap.dbm_antsignal", "radiotap.dbm_antnoise", "radiotap.datarate",
    "radiotap.mactime", "wlan.fc.type_subtype", "wlan.fc.retry", "wlan.fc.protected", "wlan.fc.ds", "wlan.duration",
    "wlan.ra", "wlan.ta", "wlan.sa", "wlan.da", "wlan.bssid", "wlan.seq", "wlan.frag", "wlan.ssid",
    "wlan.ds.current_channel", "wlan.fixed.reason_code", "wlan.fixed.status_code", "wlan.fixed.auth.alg",
    "wlan.fixed.auth_seq", "wlan.fixed.capabilities.privacy", "wlan.rsn.akms.type", "wlan.rsn.pcs.type",
    "wlan.qos.priority", "wlan_rsna_eapol.keydes.msgnr", "eapol.type", "eapol.keydes.replay_counter",
))
