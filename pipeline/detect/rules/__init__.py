"""Alert rules: read from files, checked, and held against windows."""

from pipeline.detect.rules.declared import Rule
from pipeline.detect.rules.read import RuleError, Rules, load_rules

__all__ = ["Rule", "RuleError", "Rules", "load_rules"]
