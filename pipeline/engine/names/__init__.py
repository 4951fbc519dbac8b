"""The name of each frame's top protocol (`_ws.col.Protocol`): by its headers, its ports, what it says, and what was
said before in its conversation.

`layers` names frames by the path of their layers, `datagrams` and `segments` declare what Wireshark listens for at
which port, with the checks that its dissectors make, `track` walks the rows, and `talks` remembers.
"""
