"""Shoal's pipeline: schema, engine, store and the `shoal` command.

`SHOAL_PLAIN=1` in the environment runs every module from its `.py` source, also where a compiled
one stands beside it; `collectors` imports `pipeline.schema` first, so this one place decides for both.
"""

import os as _os

__version__ = "0.1.0"

if _os.environ.get("SHOAL_PLAIN"):
    from pipeline._plain import prefer_sources as _prefer_sources

    _prefer_sources(("collectors", "pipeline"))
