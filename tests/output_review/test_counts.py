"""Which cells count persons when no heading says so, and which whole numbers do not."""

from __future__ import annotations

import pytest

from inspection.engine import inspect
from inspection.policies import POLICIES

COUNTS = {
    "no heading that is known": "kvuli,zam\nNord,214\nSyd,3\nMidt,97\n",
    "no heading at all": "Nord,214,0.68\nSyd,3,0.01\nMidt,97,0.31\n",
    "two groupings, crossed": "trin,Ja,Nej\nlav,120,4\nhøj,88,61\n",
    "two rows": "køn,zam\nK,1491\nM,2\n",
    "by size": "zone,zam\nC,812\nA,90\nD,41\nB,2\n",
    "on its side": "zone,C,A,D\nzam,812,4,41\nsnit,43.5,41.2,44.1\n",
    "a total below": "zone,zam\nC,12\nA,9\nD,4\nalle,25\n",
    "a share beside": "zone,zam,del\nC,12,0.48\nA,9,0.36\nD,4,0.16\n",
    "a hundred persons, crossed": ",dead,alive\nA,2,40\nB,12,46\n",
    "min in a heading that counts": "g,antal min 30\nA,3\nB,90\n",
    "one is hidden": "zone,zam\nC,812\nA,<5\nD,4\nB,92\n",
}
OTHERS = {
    "ranks": "hospital,plads,liggetid\nRiget,1,4.2\nSkejby,2,5.1\nOUH,3,4.4\nAalborg,4,4.9\n",
    "years": "år,zam\n2019,140\n2020,163\n2021,255\n",
    "thresholds": "term,trin\na,1\nb,5\nc,30\nd,90\ne,365\n",
    "whole percentages": "zone,zam\nC,60\nA,36\nD,4\n",
    "statistics below each other": "mål,C,A\nzam,812,90\nmedian,3,2\n",
    "shares with three decimals": "zone,zam,del\nC,1505,0.502\nA,1495,0.498\n",
    "degrees of freedom": "kilde,df,F\nalder,1,4.21\nkøn,1,9.3\nrest,294,1.0\n",
    "medians": "zone,mediandage,kvartil\nC,3,5.5\nA,4,6.25\nD,2,4.75\n",
    "no small one": "zone,zam\nC,812\nA,90\nD,41\n",
}


def small(text: str) -> list[str]:
    done = inspect("a.csv", text.encode(), POLICIES["sundhedsdatastyrelsen"])
    return [str(finding.values["value"]) for finding in done.findings if finding.check == "small_count"]


@pytest.mark.parametrize("table", COUNTS)
def test_a_small_count_is_known_by_the_numbers_around_it(table: str) -> None:
    assert len(small(COUNTS[table])) == 1


@pytest.mark.parametrize("table", OTHERS)
def test_other_small_numbers_are_none(table: str) -> None:
    assert small(OTHERS[table]) == []
