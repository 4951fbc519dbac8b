from pipeline.engine.names.look cimport Look
