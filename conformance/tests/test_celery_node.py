"""A foreign client, real and from its registry: what is known to be wrong with it is what the suite finds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources

from .judging import Judged, judge

pytestmark = [
    pytest.mark.xdist_group("celery-node"),
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="needs Node.js and npm"),
]

#: Case → what it must find, in the words of its own card.
WRONG = {
    "result-failure-carries-exception": ("fail", "null"),  # a failure is stored with a null result
    "result-no-traceback": ("warn", "a value"),  # the return value is stored as the traceback
    "v2-id-equals-correlation-id": ("fail", "nothing"),  # the property is called correlationId on Redis
    "worker-waits-for-eta": ("fail", "1"),  # it runs at once; the card tells the moment, seconds of ten digits
    "worker-skips-expired": ("fail", "result-stored"),  # it runs all the same
    "worker-unknown-task-leaves-the-queue": ("fail", "nothing of the kind"),  # its consumer ends
}
RIGHT = ("worker-stores-failure", "reader-value")

_OWN = re.compile(r"\d{10}(\.\d+)?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def words(*cases: str) -> list[str]:
    """The options that run these cases only, always in the same order and with the same ids."""
    return ["--seed", "7", *(word for case in cases for word in ("-k", case))]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The built-in adapter's run."""
    return judge(
        "celery-node",
        tmp_path_factory.mktemp("built-in") / "report",
        *words(*WRONG, *RIGHT),
    )


@pytest.mark.parametrize("case", WRONG)
def test_a_known_defect_is_found(case: str, judged: Judged) -> None:
    """The case fails, of what is wrong."""
    verdict, said = WRONG[case]
    found = [result for result in judged.of_case(case) if result["verdict"] == verdict]
    assert found, judged.printed
    assert any(said in result["card"]["actual"] for result in found), [result["card"] for result in found]


def test_what_is_right_passes(judged: Judged) -> None:
    """It is no wall of failures: what celery-node does right passes."""
    assert judged.exit_code == 1
    seen = {result["case"] for result in judged.results.values() if result["verdict"] == "pass"}
    assert set(RIGHT) <= seen


def comparable(judged: Judged) -> dict[str, Any]:
    """Verdict, requirements and expectation of each case, without what is of one run: moments and random ids."""
    keys = ("verdict", "requirements", "role", "level")
    return {
        name: [result[key] for key in keys] + [_OWN.sub("…", (result.get("card") or {}).get("expected", ""))]
        for name, result in judged.results.items()
    }


def test_another_name_changes_no_verdict(judged: Judged, tmp_path: Path) -> None:
    """The same folder under another name, elsewhere, gets the same report."""
    folder = tmp_path / "another-name"
    shutil.copytree(resources.folder("adapters") / "celery-node", folder)
    renamed = judge(folder, tmp_path / "report", *words(*WRONG, *RIGHT))
    assert comparable(renamed) == comparable(judged)
    assert renamed.exit_code == judged.exit_code
