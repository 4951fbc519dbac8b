from pipeline.engine.exchanges.packet cimport Packet
from pipeline.engine.http.half cimport Half
