"""Collectors: sources of frames, decoding to columns, publishing.

Imports nothing of `pipeline` but `pipeline.schema` (and, by that, `pipeline` itself, which decides
between the compiled and the plain leg).
"""

import pipeline as pipeline  # decides which leg runs before any module of this package loads
