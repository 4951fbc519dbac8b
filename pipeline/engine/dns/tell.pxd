from pipeline.engine.dns.message cimport Message
