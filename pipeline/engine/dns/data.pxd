from pipeline.engine.dns.names cimport Names
