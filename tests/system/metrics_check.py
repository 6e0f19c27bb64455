# metrics_check.py - is a page what Prometheus' text format 0.0.4 says, and do its numbers agree with others?
#
#   metrics_check.py PAGE...            each page is right, and no counter of a later one is smaller
#   metrics_check.py --log LOG... PAGE  and its requests by verb and status are those of regiond's logs
#
# Strict where Prometheus is lenient: one block a metric with HELP and TYPE first, labels in order, no
# sample twice, histograms whole. Debian's python3-prometheus-client, where it is, has its say too.
import json
import re
import sys

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\+Inf|[0-9]+(?:\.[0-9]+)?)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}

# regiond's names of operations, and those on the page.
VERBS = {
    "Get Blob": "get_range",
    "Put Page From URL": "put_page_from_url",
    "Get Page Ranges": "list_ranges",
    "Get Blob Properties": "head",
    "Put Blob": "create",
    "Set Blob Properties": "properties",
    "Set Blob Metadata": "metadata",
    "Snapshot Blob": "snapshot",
    "Lease Blob": "lease",
}


class Wrong(Exception):
    pass


def labels_of(text):
    labels, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match or match[1] in labels:
            raise Wrong(f"labels: {text}")
        labels[match[1]] = match[2]
        at = match.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise Wrong(f"labels: {text}")
            at += 1
    return tuple(sorted(labels.items()))


class Page:
    def __init__(self, text):
        self.types = {}
        self.samples = {}
        if not text.endswith("\n"):
            raise Wrong("the last line does not end")
        current, helped = None, None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
                if helped in self.types or len(line.split(" ", 3)) < 4:
                    raise Wrong(line)
            elif line.startswith("# TYPE "):
                _, _, current, kind = line.split(" ")
                if current != helped or current in self.types or kind not in SUFFIXES:
                    raise Wrong(line)
                self.types[current] = kind
            else:
                self.sample(line, current)
        self.histograms()

    def sample(self, line, current):
        match = SAMPLE.fullmatch(line)
        if not match or not current:
            raise Wrong(f"no sample: {line}")
        kind = self.types[current]
        if match[1] not in [current + suffix for suffix in SUFFIXES[kind]]:
            raise Wrong(f"in the block of {current}: {line}")
        key = (match[1], labels_of(match[2] or ""))
        if key in self.samples:
            raise Wrong(f"twice: {line}")
        self.samples[key] = float(match[3])

    def histograms(self):
        for name in [n for n, kind in self.types.items() if kind == "histogram"]:
            series = {}
            for (sample, labels), value in self.samples.items():
                if sample == name + "_bucket":
                    rest = tuple(x for x in labels if x[0] != "le")
                    series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
            for labels, buckets in series.items():
                if buckets != sorted(buckets) or [v for _, v in buckets] != sorted(v for _, v in buckets):
                    raise Wrong(f"buckets of {name}{labels} do not rise")
                if buckets[-1] != (float("inf"), self.samples[(name + "_count", labels)]):
                    raise Wrong(f"{name}{labels}: not all are in +Inf")
                if (name + "_sum", labels) not in self.samples:
                    raise Wrong(f"{name}{labels} has no sum")

    def counters(self):
        for (name, labels), value in self.samples.items():
            kinds = [self.types.get(name.removesuffix(s)) for s in SUFFIXES["histogram"]]
            if self.types.get(name) == "counter" or "histogram" in kinds:
                yield (name, labels), value


def official(text):
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        return None
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def logged(paths):
    counts = {}
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for line in log:
                x = json.loads(line)
                verb = VERBS.get(x["verb"])
                if x["verb"] == "Put Page":
                    verb = "clear_page" if x.get("pageWrite") == "clear" else "put_page"
                if not verb:
                    raise Wrong(f"{path}: what is {x['verb']}?")
                key = (verb, str(x["status"]))
                counts[key] = counts.get(key, 0) + 1
    return counts


def compare_with_logs(page, paths):
    told = {}
    for (name, labels), value in page.samples.items():
        if name == "snapferry_requests_total" and dict(labels)["verb"] != "report":
            told[(dict(labels)["verb"], dict(labels)["status"])] = int(value)
    wanted = logged(paths)
    if told != wanted:
        raise Wrong(f"the page has {sorted(told.items())}, the logs {sorted(wanted.items())}")
    slow = sum(n for (_, status), n in wanted.items() if status in ("429", "503"))
    if page.samples[("snapferry_request_throttles_total", ())] != slow:
        raise Wrong(f"throttles are not {slow}")
    print(f"# {sum(wanted.values())} requests of {len(wanted)} kinds agree with the logs, {slow} throttled")


def main(arguments):
    logs = []
    while arguments and arguments[0] == "--log":
        logs.append(arguments[1])
        arguments = arguments[2:]
    before = None
    for path in arguments:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        page = Page(text)
        seen = official(text)
        if seen not in (None, len(page.samples)):
            raise Wrong(f"{path}: the official parser finds {seen} samples, not {len(page.samples)}")
        for key, value in before.counters() if before else []:
            if page.samples.get(key, -1) < value:
                raise Wrong(f"{path}: {key} was {value}, and is {page.samples.get(key)}")
        before = page
    if logs:
        compare_with_logs(before, logs)
    print(f"# {len(arguments)} pages, the last with {len(before.samples)} samples"
          f"{'' if seen is None else '; the official parser agrees'}")


try:
    main(sys.argv[1:])
except Wrong as wrong:
    sys.exit(f"not ok - {wrong}")
