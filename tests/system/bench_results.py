"""bench_results.py FOLDER CHAPTER...: results.json, RESULTS.svg and RESULTS.md of a run of bench/run.sh are sound and say
the same of these chapters. Fails with what does not hold."""
import json
import math
import sys
import xml.etree.ElementTree as tree

folder, chapters = sys.argv[1], set(sys.argv[2:])
with open(f"{folder}/results.json", encoding="utf-8") as file:
    results = json.load(file)
figures = results["figures"]
assert {figure["chapter"] for figure in figures} == chapters, figures
assert results["machine"].startswith("Machine: ") and results["commit"] and results["date"], results
for figure in figures:
    assert all(math.isfinite(figure[name]) for name in ("lowest", "median", "highest")), figure
    assert 0 <= figure["lowest"] <= figure["median"] <= figure["highest"], figure
    assert figure["scenario"] and figure["what"] and figure["unit"] and figure["commit"], figure

bounded = [figure for figure in figures if "at_least" in figure or "at_most" in figure]
for figure in bounded:
    held = figure["median"] >= figure.get("at_least", 0) and figure["median"] <= figure.get("at_most", math.inf)
    assert figure["held"] is held, figure
assert len(bounded) == 6, bounded  # four ratios to ceilings, two spreads
units = {figure["unit"] for figure in figures}
assert {"MB/s", "ratio", "s/GiB", "MiB"} <= units, units

with open(f"{folder}/RESULTS.md", encoding="utf-8") as file:
    text = file.read()
assert text.startswith("# Figures\n") and text.count("\n## What must hold\n") == 1, text[:400]
for chapter in chapters:
    assert text.count(f"\n## {chapter}\n") == 1, chapter
table = [line for line in text.split("## What must hold")[1].split("\n## ")[0].split("\n") if line.startswith("| ")][2:]
assert len(table) == len(bounded), table
for figure, line in zip(bounded, table):
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0] == f"{figure['chapter']}: {figure['scenario']}", line
    assert cells[1].startswith(f"{figure['what']}, at {'least' if 'at_least' in figure else 'most'} "), line
    assert math.isclose(float(cells[2].split()[0]), figure["median"], rel_tol=0.02, abs_tol=0.001), line
    assert cells[3] == ("held" if figure["held"] else "**NOT held**"), line

svg = tree.parse(f"{folder}/RESULTS.svg").getroot()
space = "{http://www.w3.org/2000/svg}"
assert svg.tag == f"{space}svg", svg.tag
width, height = float(svg.get("width")), float(svg.get("height"))
bars = list(svg.iter(f"{space}rect"))
rates = [figure for figure in figures if figure["unit"] == "MB/s"]
assert len(bars) == len(bounded) + len(rates), (len(bars), len(bounded), len(rates))
for bar in bars:
    assert 0 <= float(bar.get("x")) and float(bar.get("x")) + float(bar.get("width")) <= width, bar.attrib
    assert 0 <= float(bar.get("y")) <= height, bar.attrib
words = " ".join(part.text for part in svg.iter(f"{space}text"))
assert words.count("NOT held") == sum(not figure["held"] for figure in bounded), words
assert not [part.tag for part in svg.iter() if part.tag.split("}")[1] in ("script", "image", "a", "foreignObject")]
