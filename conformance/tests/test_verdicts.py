"""What a run ends with follows from its verdicts, gravest first."""

from __future__ import annotations

import pytest
from celery_conformance.verdicts import BROKEN, Result, Verdict, exit_code


def _result(verdict: Verdict, level: str = "MUST") -> Result:
    return Result("n", "c", "t", "worker", "s", level, ("R-X-001",), verdict)


_P, _F, _W, _K, _S = Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.KNOWN, Verdict.STALE
_U, _N, _FLAKY, _A, _SUITE = (
    Verdict.UNSUPPORTED, Verdict.NOT_APPLICABLE, Verdict.FLAKY, Verdict.ADAPTER_ERROR, Verdict.SUITE_ERROR,
)  # fmt: skip

#: Verdicts → exit code, with --strict, with --allow-stale.
_TABLE: list[tuple[list[Verdict], int, int, int]] = [
    ([_P], 0, 0, 0),
    ([_P, _U, _N, _K], 0, 0, 0),
    ([_K], 0, 0, 0),
    ([_W], 0, 1, 0),
    ([_P, _W], 0, 1, 0),
    ([_P, _F], 1, 1, 1),
    ([_P, _FLAKY], 1, 1, 1),
    ([_FLAKY], 1, 1, 1),
    ([_P, _S], 2, 2, 0),
    ([_S], 2, 2, 0),
    ([_S, _W], 2, 1, 0),
    ([_F, _S], 1, 1, 1),
    ([_P, _A], 3, 3, 3),
    ([_A], 3, 3, 3),
    ([_F, _S, _A], 3, 3, 3),
    ([_P, _SUITE], 4, 4, 4),
    ([_F, _S, _A, _SUITE], 4, 4, 4),
    ([], 4, 4, 4),
    ([_U], 4, 4, 4),
    ([_U, _N], 4, 4, 4),
]


@pytest.mark.parametrize(("verdicts", "plain", "strict", "allowing"), _TABLE)
def test_the_gravest_verdict_decides(verdicts: list[Verdict], plain: int, strict: int, allowing: int) -> None:
    """The exit code is that of the gravest verdict; a run that judged nothing is the suite's fault."""
    for order in (verdicts, verdicts[::-1]):
        results = [_result(verdict, "SHOULD" if verdict is _W else "MUST") for verdict in order]
        assert exit_code(iter(results)) == plain
        assert exit_code(results, strict=True) == strict
        assert exit_code(results, allow_stale=True) == allowing


@pytest.mark.parametrize(("level", "code"), [("SHOULD", 1), ("SHOULD NOT", 1), ("MAY", 0), ("OBSERVATION", 0)])
def test_strict_is_about_should(level: str, code: int) -> None:
    """With --strict a broken SHOULD fails the run; what is only told does not."""
    assert exit_code([_result(_P), _result(_W, level)], strict=True) == code


def test_every_verdict_is_weighed() -> None:
    """The table has every verdict there is."""
    assert {verdict for verdicts, *_ in _TABLE for verdict in verdicts} == set(Verdict)


@pytest.mark.parametrize(
    ("level", "verdict"), [("MUST", _F), ("MUST NOT", _F), ("SHOULD", _W), ("SHOULD NOT", _W), ("MAY", None)]
)
def test_the_level_decides_how_a_break_counts(level: str, verdict: Verdict | None) -> None:
    """A broken MUST fails and a broken SHOULD warns; for any other level nothing is laid down here."""
    assert BROKEN.get(level) is verdict
