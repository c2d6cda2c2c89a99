"""Every profile's image, built and verified by `./up`, then used: a room opened with it, and a cluster of the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests import workloads
from tests.clusters import Place, leave_none
from tests.conftest import Stack
from tests.drills.results import keep

WORK = {
    "ml": ("torch", "torch.ones(3).sum().item()", 3),
    "genomics": ("allel", "int(allel.HaplotypeArray([[0, 1], [1, 1]]).count_alleles()[1, 1])", 2),
    "imaging": ("SimpleITK", "SimpleITK.Image(3, 3, SimpleITK.sitkUInt8).GetSize()[0]", 3),
}
"""A library of each, something that it computes, and the answer."""


def search(here: Place) -> None:
    printed = workloads.run(here, "search-on-a-cluster", CANDIDATES=6)
    areas = [
        float(said) for said in re.findall(r"^(?:Area under|The network's area).*: ([0-9.]+)$", printed, re.MULTILINE)
    ]
    assert len(areas) == 2
    assert min(areas) > 0.6


def gwas(here: Place) -> None:
    """As plink2 has it, and the variant that was made to matter, or one beside it, comes first."""
    workloads.run(here, "gwas-on-a-cluster")
    worst, away = here.json(
        "import json; found = table.nsmallest(1, 'p').iloc[0]['position']\n"
        "print(json.dumps([float(worst), abs(float(found - positions[causal]))]))"
    )
    assert worst < 1e-4
    assert away < 20_000


def volumes(here: Place) -> None:
    workloads.run(here, "volumes-on-a-cluster")
    body, parts = here.json("import json; print(json.dumps([table['body'].tolist(), len(table)]))")
    assert parts == 6
    assert all(0.99 < one / body[0] < 1.01 for one in body)  # moved aside and with noise, a body is as large


STARTER = {"ml": search, "genomics": gwas, "imaging": volumes}


@pytest.mark.timeout(3600)
def test_every_image_is_built_and_used(every_image: Stack, opened: Callable[[str], Place]) -> None:
    stack, sizes = every_image, {}
    for image, (library, expression, answer) in WORK.items():
        here = opened(image)
        said = here.run(f"""
            from datasluse import Cluster
            client = Cluster(workers=1).get_client()
            client.get_versions(check=True)
            def work():
                import {library}
                return {expression}
            print(client.submit(work).result(timeout=120))
            """)
        assert float(said.splitlines()[-1]) == answer, said
        here.run("client.cluster.shutdown()")
        STARTER[image](here)
        leave_none(here)
        stack.sluse("room", "close", here.room.id)
        tag = json.loads((stack.settings.state / "images.json").read_text())[image]
        sizes[image] = round(stack.docker.inspect_image(tag)["Size"] / 1e9, 2)
    keep("images", {"GB, base and its own layers": sizes})
