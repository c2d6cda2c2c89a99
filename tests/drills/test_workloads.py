"""The starter notebooks with more than a room's memory: the room alone fails, the cluster does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests import workloads
from tests.clusters import Place, leave_none
from tests.conftest import KernelDied
from tests.drills.results import keep


@dataclass(frozen=True)
class Large:
    """A starter with a size that a room of 2 GiB cannot hold, what shows that it went well, and the same alone."""

    notebook: str
    image: str
    sizes: dict[str, int | str]
    shown: str
    right: Callable[[dict[str, float]], bool]
    alone: str


COHORT = Large(
    "cohort-on-a-cluster",
    "base",
    {"CONTACTS": 20_000_000, "WORKERS": 4},
    "{'cohort, persons': len(cohort), 'hazard ratio (0.7 put in)': float(cox.hazard_ratios_['treated'])}",
    lambda found: 0.68 < found["hazard ratio (0.7 put in)"] < 0.72,
    """
import pandas as pd
every = pd.read_parquet(f"{FOLDER}/contacts")
people = pd.read_parquet(f"{FOLDER}/persons")
joined = every.merge(people, on="person")
joined["visits"] = joined.groupby("person")["day"].transform("size")
first = joined[joined["diagnosis"].str.startswith("I21")].sort_values("day").drop_duplicates("person")
""",
)
SEARCH = Large(
    "search-on-a-cluster",
    "ml",
    {"CANDIDATES": 6, "PATIENTS": 16_000_000, "WORKERS": 3},
    "{'patients': len(many), 'area': max(areas.values())}",
    lambda found: found["patients"] == 16_000_000 and found["area"] > 0.6,
    """
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
many = pd.read_parquet(f"{FOLDER}/patients")
HistGradientBoostingClassifier(max_iter=20).fit(many.drop(columns="died"), many["died"])
""",
)
GWAS = Large(
    "gwas-on-a-cluster",
    "genomics",
    {"PEOPLE": 1_000, "LENGTH": 40_000_000, "WORKERS": 3},
    "{'variants': len(kept), 'kept': int(kept.sum()), 'effects differ from plink2 by': float(worst),"
    " 'base pairs from the first to the causal':"
    " abs(float(table.nsmallest(1, 'p').iloc[0]['position'] - positions[causal]))}",
    lambda found: (
        found["effects differ from plink2 by"] < 1e-3 and found["base pairs from the first to the causal"] < 50_000
    ),
    """
import zarr
genotypes = zarr.open(f"{FOLDER}/people.zarr", mode="r")["call_genotype"][:]
dosage = (genotypes == 1).sum(axis=2).astype("float64")
standard = (dosage - dosage.mean(axis=1, keepdims=True)) / dosage.std(axis=1, keepdims=True)
""",
)
VOLUMES = Large(
    "volumes-on-a-cluster",
    "imaging",
    {"SERIES": 400, "WORKERS": 3},
    "{'series': len(table), 'largest body / smallest': float(table['body'].max() / table['body'].min())}",
    lambda found: found["series"] == 400 and found["largest body / smallest"] < 1.01,
    """
import zarr
volumes = zarr.open(f"{FOLDER}/ct.zarr", mode="r")[:]
smooth = volumes.astype("float32")
body = smooth > -300
""",
)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("large", [COHORT, SEARCH, GWAS, VOLUMES], ids=lambda large: large.notebook.split("-")[0])
def test_what_the_room_cannot_hold_the_cluster_does(opened: Callable[[str], Place], large: Large) -> None:
    here = opened(large.image)
    begun = time.monotonic()
    workloads.run(here, large.notebook, timeout=1200, stop=False, **large.sizes)
    took = time.monotonic() - begun
    found = here.json(f"import json; print(json.dumps({large.shown}))")
    print(found)
    leave_none(here)
    here.kernel = here.room.kernel()
    here.kernel.run(f"FOLDER = '/project/{large.notebook}'; print('begun')")
    with pytest.raises(KernelDied):
        print(here.kernel.output(here.kernel.begin(large.alone), 300))
    memory = int(here.stack.docker.inspect_container(here.room.name("room"))["HostConfig"]["Memory"]) >> 30
    here.stack.sluse("room", "close", here.room.id)
    assert large.right(found), found
    said = {"notebook": large.notebook, **large.sizes, **found, "seconds in all": round(took, 1)}
    keep(f"large-{large.notebook.split('-')[0]}", said | {f"the room of {memory} GiB alone": "its kernel was killed"})
