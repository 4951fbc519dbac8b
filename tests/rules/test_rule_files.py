"""Rules as they are written: what is taken, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.detect.rules import RuleError, load_rules
from pipeline.detect.rules.declared import KEYS, NEEDED, RULE_KINDS
from pipeline.detect.rules.expression import condition, expression

_HEAD = '[rule.mine]\nkind = "threshold"\nmeaning = "Too many"\n'
_FULL = _HEAD + 'value = "shoal.resets"\nabove = 5\n'
_RATIO = '[rule.mine]\nkind = "ratio"\nmeaning = "m"\nnumerator = "shoal.resets"\ndenominator = "shoal.packets"\n'
_SQL = '[rule.mine]\nkind = "sql"\nmeaning = "m"\n'
WRONG = {
    "key above is unknown": (_FULL.replace("above", "abov"), "'abov' is none of a threshold rule; did you mean above?"),
    "a column is unknown": (_FULL.replace("resets", "reset"), "no number shoal.reset; did you mean shoal.resets"),
    "a call": (_FULL.replace('"shoal.resets"', '"max(shoal.resets, 1)"'), "is not allowed"),
    "no expression": (_FULL.replace('"shoal.resets"', '"shoal.resets +"'), "is no expression"),
    "no column": (_FULL.replace('"shoal.resets"', '"1 + 1"'), "names no column"),
    "a text as limit": (_FULL.replace("= 5", '= "5"'), "key 'above': '5' is not a number"),
    "not a number": (_FULL.replace("= 5", "= nan"), "key 'above': nan is not a number"),
    "no kind": ('[rule.mine]\nmeaning = "m"', "key 'kind' is missing"),
    "an unknown kind": (_FULL.replace("threshold", "treshold"), "is none of threshold, ratio"),
    "no limit": (_FULL.replace("above = 5", ""), "one of the keys 'above' and 'below' is needed"),
    "two limits": (_FULL + "below = 1\n", "and not both"),
    "no meaning": (_FULL.replace("meaning", "# meaning"), "key 'meaning' is missing"),
    "an unknown entity": (_FULL + 'entities = ["servce"]\n', "is no list of some of sensor, host, service, pair"),
    "a window that is none": (_FULL + "window = 30\n", "is none of 10, 60"),
    "closes above": (_FULL + "close_at = 6\n", "key 'close_at'"),
    "critical below": (_FULL + "critical = 4\n", "is reached before the limit"),
    "less than the least": (_FULL + 'severity = "critical"\nwarning = 9\n', "set 'severity' lower"),
    "a condition without limit": (_FULL + 'unless = ["shoal.dropped"]\n', "write EXPRESSION > NUMBER"),
    "a key of another kind": (_FULL + "confidence = 0.9\n", "key 'confidence' is none of a threshold rule"),
    "no network": (_FULL + 'only = ["10.0.0.0/33"]\n', "which is no address, network, or address:port"),
    "below with confidence": (_RATIO + "below = 0.1\nconfidence = 0.9\n", "goes with 'above' alone"),
    "a statement that changes": (_SQL + 'sql = "DROP TABLE packets"\n', "only a SELECT"),
    "an anomaly's name": (_FULL.replace("mine", "syn-flood"), "the name of an anomaly"),
    "a name with blanks": (_FULL.replace("[rule.mine]", '[rule."My rule"]'), "a name is of a-z, 0-9 and -"),
    "a key outside": ("name = 1", "stands outside of a rule"),
    "no TOML": ("[rule.mine", "not TOML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(case: str, tmp_path: Path) -> None:
    text, said = WRONG[case]
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RuleError) as error:
        load_rules(path)
    message = str(error.value)
    assert said in message
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


def test_a_file_adds_changes_and_switches_off(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    changes = "[rule.retransmission-spike]\nabove = 0.05\n[rule.sensor-losing-packets]\nenabled = false\n"
    path.write_text(_FULL + changes)
    builtin, rules = {rule.name: rule for rule in load_rules()}, {rule.name: rule for rule in load_rules(path)}
    assert list(rules) == ["retransmission-spike", "mine"]
    assert (builtin["retransmission-spike"].limit, rules["retransmission-spike"].limit) == (0.015, 0.05)
    assert rules["retransmission-spike"].confidence == builtin["retransmission-spike"].confidence
    assert rules["mine"].columns == ("shoal.resets",)


def test_a_rule_of_another_kind_replaces_the_builtin_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(_FULL.replace("mine", "retransmission-spike"))
    rule = load_rules(path)[0]
    assert (rule.kind, rule.confidence, rule.unless_sensor) == ("threshold", 0.0, ())


def test_every_key_belongs_to_a_kind_and_every_kind_has_what_it_needs() -> None:
    assert all(set(key.kinds) <= set(RULE_KINDS) for key in KEYS)
    assert set(NEEDED) == set(RULE_KINDS)
    assert all(kind in key.kinds for kind, names in NEEDED.items() for key in KEYS if key.name in names)


def test_expressions_give_what_they_say_and_nothing_where_there_is_nothing() -> None:
    columns = {"shoal.resent": np.array([3.0, 1.0]), "tcp.analysis.retransmission": np.array([1.0, 1.0]),
               "shoal.segments": np.array([8.0, 0.0])}
    of = expression("(shoal.resent - -tcp.analysis.retransmission * 1) / shoal.segments")
    assert of.columns == ("shoal.resent", "tcp.analysis.retransmission", "shoal.segments")
    found = of.of(columns.__getitem__)
    assert found[0] == 0.5
    assert np.isnan(found[1])
    assert condition("shoal.resent / shoal.segments >= 0.375").of(columns.__getitem__).tolist() == [True, False]


def test_the_page_has_every_kind_and_key_as_they_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text()
    for name, meaning in RULE_KINDS.items():
        assert f"| `{name}` | {meaning[0].upper()}{meaning[1:]} |" in page
    for key in KEYS:
        kinds = "all" if key.kinds == tuple(RULE_KINDS) else ", ".join(key.kinds)
        assert f"| `{key.name}` | {kinds} | {key.meaning} |" in page


def test_the_examples_of_the_page_are_rules(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text()
    path = tmp_path / "example.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0])
    assert {rule.name for rule in load_rules(path)} >= {"slow-database", "traffic-jump", "retransmission-spike"}
