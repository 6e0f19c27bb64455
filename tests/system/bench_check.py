"""bench_check.py EVENTS SOURCE-LOG TARGET-LOG BUDGET [LOW HIGH]: what bench told, against what the regions saw.

Exit 0 when the data that crossed is within the budget, and as much as told; when nothing but a scratch blob
was written to, and that is gone; with LOW and HIGH (bytes/s): when writing was measured to be between them, named
as the bottleneck, and the target's refusals were counted. Prints the first thing that does not hold.
"""
import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check(holds, words):
    if not holds:
        print(words)
        sys.exit(1)


def main():
    events, source, target = (lines(path) for path in sys.argv[1:4])
    budget = int(sys.argv[4])
    told = [e for e in events if e["event"] == "bench"]
    points = [e for e in events if e["event"] == "benchPoint"]
    check(len(told) == 1 and events[-1] == {**events[-1], "event": "end", "exit": 0}, "no last words")
    told = told[0]

    read = sum(r["bytesOut"] for r in source if r["verb"] == "Get Blob")
    puts = [r for r in target if r["verb"] == "Put Page"]
    written = sum(r["bytesIn"] for r in puts)
    check(read + written <= budget, f"{read} + {written} is above {budget}")
    check(read == told["readBytes"], f"read {read}, told {told['readBytes']}")
    check(written == told["writtenBytes"], f"written {written}, told {told['writtenBytes']}")
    refused = sum(r["status"] == 503 for r in puts)
    check(refused == told["throttles"], f"{refused} refusals, told {told['throttles']}")
    check(refused == sum(p["throttles"] for p in points), "the points do not add up")

    changed = {r["blob"] for r in target if r["method"] in ("PUT", "DELETE")}
    check(all(name.startswith("snapferry-bench-") for name in changed), f"wrote to {changed}")
    made = {r["blob"] for r in target if r["verb"] == "Put Blob" and r["status"] == 201}
    gone = {r["blob"] for r in target if r["verb"] == "Delete Blob" and r["status"] == 202}
    check(made and made == gone, f"made {made}, deleted {gone}")
    check(all(r["method"] in ("GET", "HEAD") for r in source), "the source was changed")

    if len(sys.argv) > 5:
        low, high = int(sys.argv[5]), int(sys.argv[6])
        best = told["best"]["write"]["bytesPerSecond"]
        check(low <= best <= high, f"writing carries {best}, not {low} to {high}")
        check(told["bottleneck"]["name"] == "target write", str(told["bottleneck"]))
        check(refused > 0, "no refusal was met")
        check(told["best"]["write"]["latencyMs"]["put"]["p50"] > 0, "no latency of PUT")
        check(told["best"]["both"]["latencyMs"]["get"]["p999"] > 0, "no latency of GET")
        check({p["leg"] for p in points} == {"read", "write", "both"}, "a leg is missing")


main()
