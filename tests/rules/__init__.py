"""Tests of alert rules and of alerts."""
