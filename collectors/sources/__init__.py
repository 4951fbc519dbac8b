"""Sources of frames: capture files and pipes."""

from collectors.sources.frames import CaptureError, Frames
from collectors.sources.reader import CaptureReader, open_capture

__all__ = ["CaptureError", "CaptureReader", "Frames", "open_capture"]
