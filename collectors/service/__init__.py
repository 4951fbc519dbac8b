"""A sensor as a service: what wires sources, decoder and publisher, and what it may do on the machine."""
