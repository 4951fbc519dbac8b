"""Writers of capture files: pcapng and pcap, with rotation."""
