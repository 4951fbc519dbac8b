"""Every record and table, declared once; all that depends on columns derives from here."""

from pipeline.schema.column import KINDS, Column, Kind, ListGroup, Record
from pipeline.schema.layers import LAYER_ID, LAYERS
from pipeline.schema.packets import PACKETS

__all__ = ["KINDS", "LAYERS", "LAYER_ID", "PACKETS", "Column", "Kind", "ListGroup", "Record"]
