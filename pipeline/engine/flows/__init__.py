"""Conversations as they stand: what each has had and how it ended, a row each minute that it lives."""

from pipeline.engine.flows.tracker import Flows

__all__ = ["Flows"]
