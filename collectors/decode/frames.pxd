cimport cython
from collectors.decode.packet cimport Packet, need, pair, mix
from collectors.decode.ether cimport ethernet, ethertype, vlan, llc, mpls, tag
from collectors.decode.link cimport first_layer, cooked, raw, null, serial, local
from collectors.decode.ppp cimport ppp, ppp_hdlc, pppoe
from collectors.decode.wlan cimport radiotap, ppi, prism, avs, wlan
from collectors.decode.arp cimport arp
from collectors.decode.ip cimport ip4, ip6, ip6_extension, pim
from collectors.decode.icmp cimport icmp, icmp6, igmp
from collectors.decode.transport cimport udp, sctp
from collectors.decode.tcp cimport tcp
from collectors.decode.tunnel cimport gre, erspan, vxlan, geneve, gtp, teredo, l2tp, nhrp

cdef class Decoder:
    cdef Packet _packet
    cdef list _texts
    cdef dict _seen
    cdef unsigned long long[::1] _keys
    cdef unsigned int[::1] _codes
    cdef _rows(self, object frames, object out, Py_ssize_t n)
    cdef unsigned int _path(self, Packet p)
