"""Alerts: how they open, what they gather, how they close, and what shows them."""

from pipeline.detect.alerts.alerts import Alerts

__all__ = ["Alerts"]
