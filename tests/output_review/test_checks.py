"""What each check finds, and the harmless twin of each: what differs is what makes it unsafe."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from inspection.checks import CHECKS
from inspection.engine import inspect


@dataclass(frozen=True)
class Twins:
    check: str
    unsafe: str
    safe: str
    name: str = "a.csv"


TWINS = {
    "a share of a group": Twins(
        "implied", "zone,n,pct\nA,120,1.7\nB,300,40.2\n", "zone,n,pct\nA,120,11.7\nB,300,40.2\n"
    ),
    "a share in Danish": Twins(
        "implied", "zone;antal;andel\nA;120;0,02\nB;300;0,41\n", "zone;antal;andel\nA;120;0,12\nB;300;0,41\n"
    ),
    "shares of one total": Twins("implied", "zone,n,pct\nA,90,2\nB,98,90\n", "zone,n,pct\nA,60,2\nB,2940,98\n"),
    "all of a group": Twins("everybody", "ward,n,pct dead\nA,12,100\nB,30,40\n", "ward,n,pct dead\nA,12,90\nB,30,40\n"),
    "none but in one category": Twins("everybody", "zone,ja,nej\nA,0,41\nB,60,44\n", "zone,ja,nej\nA,7,41\nB,60,44\n"),
    "a hidden one with a total": Twins(
        "given_back", "zone,n\nA,40\nB,<5\nC,31\nTotal,74\n", "zone,n\nA,40\nB,<5\nC,<5\nD,31\nTotal,77\n"
    ),
    "a hidden one beside a total": Twins(
        "given_back", "zone,ja,nej,i alt\nA,40,<5,43\nB,20,30,50\n", "zone,ja,nej,i alt\nA,40,<5,<50\nB,20,30,50\n"
    ),
    "hidden ones after each other": Twins(
        "given_back",
        "zone,x,y,total\nA,*,*,43\nB,20,*,50\nC,30,14,44\ntotal,90,47,137\n",
        "zone,x,y,total\nA,*,*,43\nB,*,*,50\nC,30,14,44\ntotal,90,47,137\n",
    ),
    "no spread": Twins(
        "spread", "zone,n,mean,sd\nA,12,4.1,0\nB,30,5.2,1.1\n", "zone,n,mean,sd\nA,12,4.1,.4\nB,30,5.2,1.1\n"
    ),
    "a sum that is one's": Twins(
        "dominance", "branche,n,sum,max\nA,12,900,700\nB,30,800,90\n", "branche,n,sum,max\nA,12,900,300\nB,30,800,90\n"
    ),
    "smallest and largest": Twins("extreme", "zone,n,min,max\nA,12,18,97\n", "zone,n,p10,p90\nA,120,18,97\n"),
    "a summary on its side": Twins(
        "extreme", ",alder\ncount,812\nmean,41.2\nmin,18\nmax,97\n", ",alder\ncount,812\nmean,41.2\n5%,18\n95%,97\n"
    ),
    "few degrees of freedom": Twins("residual", "Df Residuals:    7\n", "Df Residuals:    70\n", "a.txt"),
    "as R writes them": Twins(
        "residual",
        "Residual standard error: 3.1 on 7 degrees of freedom\n",
        "Residual standard error: 3.1 on 712 degrees of freedom\n",
        "a.txt",
    ),
    "of a model, not of a test": Twins(
        "residual",
        "Residual deviance: 12.1  on 7  degrees of freedom\n",
        "Chisq= 10.3  on 1 degrees of freedom, p= 0.001\n",
        "a.txt",
    ),
    "categories, not another measure": Twins(
        "everybody", "zone,ja,nej\nA,0,41\nB,60,44\n", "zone,n,deaths\nA,41,0\nB,60,44\n"
    ),
    "a value, not a group's name": Twins(
        "extreme", "zone,n,max\nA,120,97\n", "quintile,n,mean\nhighest,120,97.2\nlowest,118,12.1\n"
    ),
    "shares of one total, which is below": Twins(
        "implied",
        "zone,n,pct dead\nA,1200,60\nB,780,30\nC,120,1\nTotal,2100,45.4\n",
        "dx,n,pct\nA,1200,60.0\nB,780,39.0\nC,20,1.0\nTotal,2000,100.0\n",
    ),
    "a title above a share": Twins("everybody", "ward,n,pct\nA,12,100\nB,30,40\n", "Tabel 1\nAndel,12\n"),
    "what is added up": Twins(
        "everybody", "ward,n,pct\nA,12,100\nB,30,40\n", "ward,n,cumulative percent\nA,12,40\nB,30,100\n"
    ),
    "a spread, not an error": Twins(
        "spread", "zone,n,sd\nA,12,0\nB,30,1.2\n", "term,estimate,std.error\nalder,1.2,0.00\nkøn,2.1,0.31\n"
    ),
    "a value, not a setting": Twins("extreme", "zone,n,age_max\nA,120,97\n", "model,max_depth,auc\nA,3,0.81\n"),
    "a maximum of few, not of the total": Twins(
        "dominance", "g,n,total,max\nA,20,900,700\n", "g,n,max\nA,20,60\nB,30,99\nTotal,50,99\n"
    ),
    "a key, not a word with dashes": Twins(
        "secret", "sk-" + "a1B2" * 6 + "\n", "sk-adjusted-mortality-ratios-x\n", "a.txt"
    ),
    "a password, not its place": Twins(
        "secret", 'password: "tulip-9-grey"\n', 'password: "********"\napi_key = "YOUR_API_KEY"\n', "a.txt"
    ),
    "sentences": Twins(
        "free_text",
        "k,note\n1,Fell on the stairs at home and broke the hip\n2,Came by ambulance after three days of fever\n"
        "3,Lives alone and was found by a neighbour there\n",
        "k,note\n1,Falls\n2,Infections\n3,Found at home\n",
    ),
    "a token": Twins("secret", "token = ghp_" + "a1B2" * 9 + "\n", "token = ghp_…\n", "a.txt"),
    "a password in a program": Twins("secret", 'password = "hunter-2-blue"\n', "password = getpass()\n", "a.txt"),
    "a login in an address": Twins(
        "secret", "postgresql://ada:tulip9@db/register\n", "postgresql://db/register\n", "a.txt"
    ),
    "an address": Twins(
        "contact", "Write to patient.jensen@example.org\n", "Write to the author @ the clinic\n", "a.txt"
    ),
    "a telephone": Twins("contact", "Ring +45 12 34 56 78\n", "Ring 12 34 56 78 90 12\n", "a.txt"),
}
"""Nobody's: made for this."""


def checks(name: str, text: str) -> set[str]:
    return {finding.check for finding in inspect(name, text.encode()).findings}


@pytest.mark.parametrize("case", TWINS)
def test_a_check_finds_the_unsafe_twin_and_leaves_the_other(case: str) -> None:
    twins = TWINS[case]
    assert twins.check in checks(twins.name, twins.unsafe)
    assert twins.check not in checks(twins.name, twins.safe)


def test_a_number_in_a_files_name_is_found() -> None:
    [finding] = inspect("010170-1234.csv", b"zone,n\nA,90\n").findings
    assert (finding.check, finding.place.part) == ("cpr", "file name")
    assert inspect("2026-11-30.csv", b"zone,n\nA,90\n").findings == []


def test_tabs_alone_part_the_cells_of_a_tsv() -> None:
    done = inspect("a.tsv", b"zone, and more, or less\tn\nA, B and C\t3\nD\t90\n")
    assert (done.kind, done.canonical) == ("tsv", b"zone, and more, or less\tn\nA, B and C\t3\nD\t90\n")
    assert [finding.place.heading for finding in done.findings] == ["n"]


def test_numbers_of_thousands_of_digits_break_nothing() -> None:
    rows = "".join(f"{digit * 5_000},{digit}\n" for digit in "123")
    assert inspect("a.csv", f"a,b\n{rows}".encode()).kind == "csv"


def test_a_secret_is_not_told_by_its_finding() -> None:
    [finding] = [one for one in inspect("a.txt", b'password = "hunter-2-blue"').findings if one.check == "secret"]
    assert "hunter" not in str(finding)


def test_every_check_says_why_and_what_mends_it() -> None:
    for check in CHECKS.values():
        assert all(said.endswith(".") for said in (check.why, check.mend)), check.id
