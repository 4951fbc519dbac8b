from pipeline.engine.dns.message cimport Message
from pipeline.engine.dns.names cimport Names
