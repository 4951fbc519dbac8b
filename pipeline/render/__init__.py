"""Text of record batches: fields as `tshark -T fields` prints them, and a line a frame."""
