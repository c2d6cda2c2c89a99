"""How much computing there is to have: cluster profiles, and limits for a person and for a project."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

GIB = 1 << 30

ImageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


class Profile(BaseModel):
    """What one worker of a cluster is given. An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Annotated[str, Field(min_length=1, max_length=200)]
    """What it is for, shown where it is chosen."""
    image: ImageName = "base"
    threads: Annotated[int, Field(ge=1, le=256)]
    """Also the cores that a worker may keep busy."""
    memory_gib: Annotated[float, Field(ge=0.5, le=4096)]
    scratch_gib: Annotated[float, Field(ge=0.1, le=4096)] = 4
    """Of the host's disk, encrypted and wiped with the worker: where it puts what does not fit in its memory."""
    gpus: Annotated[int, Field(ge=0, le=16)] = 0
    """Whole ones of the host's, for each worker and nobody else meanwhile."""
    most_workers: Annotated[int, Field(ge=1, le=58)]
    """Of one cluster; a room's network has 59 addresses for containers of clusters."""
    why: str = ""
    """Why these sizes; for whoever changes them."""

    @property
    def scratch_mib(self) -> int:
        return int(self.scratch_gib * 1024)

    @property
    def memory(self) -> int:
        """Bytes."""
        return int(self.memory_gib * GIB)


PROFILES: dict[str, Profile] = {
    "base": Profile(
        title="Tables: pandas, polars, statistics",
        threads=1,
        memory_gib=2,
        most_workers=16,
        why="Data frames hold the interpreter's lock, so a second thread waits; 2 GiB is 8 partitions of 100 MB twice.",
    ),
    "ml": Profile(
        title="Machine learning: scikit-learn, XGBoost, LightGBM, PyTorch",
        image="ml",
        threads=2,
        memory_gib=4,
        most_workers=8,
        why="These libraries release the lock and use threads of their own; each worker copies the training data.",
    ),
    "genomics": Profile(
        title="Genomes: arrays of genotypes",
        image="genomics",
        threads=2,
        memory_gib=4,
        scratch_gib=8,
        most_workers=8,
        why="Arrays release the lock; 10,000 variants of 1,000 people are 20 MB, and each thread holds several such.",
    ),
    "imaging": Profile(
        title="Images: volumes and segmentation",
        image="imaging",
        threads=1,
        memory_gib=4,
        scratch_gib=8,
        most_workers=8,
        why="A volume is read whole, and SimpleITK starts threads of its own: one task at a time, with room for it.",
    ),
    "gpu": Profile(
        title="Machine learning on a GPU: PyTorch, XGBoost",
        image="gpu",
        threads=4,
        memory_gib=16,
        scratch_gib=16,
        gpus=1,
        most_workers=8,
        why="Data are made ready by the processor while the GPU computes; a batch waits in memory before it is copied.",
    ),
}
"""What every installation has; its settings may add others, or replace these."""


class Limits(BaseModel):
    """The most that may be in use at once by all clusters together, schedulers included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cores: Annotated[int, Field(ge=0)]
    memory_gib: Annotated[int, Field(ge=0)]
    clusters: Annotated[int, Field(ge=0)]
    starts_per_hour: Annotated[int, Field(ge=0)]
    """Containers. A scheduler is its researcher's program: it could ask for workers, let them go and ask again."""
    gpus: Annotated[int, Field(ge=0)] = 0


PER_PERSON = Limits(cores=16, memory_gib=64, clusters=2, starts_per_hour=200, gpus=2)
PER_PROJECT = Limits(cores=32, memory_gib=128, clusters=8, starts_per_hour=600, gpus=4)
