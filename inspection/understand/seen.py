"""A file as checks see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from inspection.parts import Extracted
from inspection.understand.columns import Table


@dataclass
class Seen:
    """Its parts, and its tables with what their columns mean."""

    read: Extracted

    @cached_property
    def tables(self) -> list[Table]:
        """Every table, understood."""
        return [Table(grid) for grid in self.read.grids()]
