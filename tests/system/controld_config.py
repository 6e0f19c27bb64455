"""Changes the example of config.md member by member, and asks the schema and `snapferryd --check` what they think."""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema

SOURCE = pathlib.Path(os.environ["SNAPFERRY_SOURCE_DIR"]) / "tools/controld"
FILE = pathlib.Path(os.environ["TMPDIR"]) / "config.json"
SCHEMA = json.loads((SOURCE / "schema/config.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(SCHEMA)
JUDGE = jsonschema.Draft202012Validator(SCHEMA)
SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
failed = 0


def example():
    lines = []
    for line in (SOURCE / "config.md").read_text().splitlines():
        if line.startswith("    "):
            lines.append(line)
        elif lines and line:
            break
    config = json.loads("\n".join(lines))
    for region in config["regions"]:
        region["key"] = "env:CONFIG_KEY"
    return config


def fail(words, config, said=""):
    global failed
    failed += 1
    print(f"FAILED: {words}: {json.dumps(config)[:300]}\n  {said}")


def check(what, config, sound):
    FILE.write_text(json.dumps(config))
    ran = subprocess.run([os.environ["SNAPFERRYD_BIN"], "--config", FILE, "--check"], capture_output=True, text=True,
                         timeout=60)
    mistakes = [error.message for error in JUDGE.iter_errors(config)]
    if (ran.returncode == 0) != sound or ran.returncode not in (0, 2):
        fail(f"snapferryd, {what}", config, ran.stderr)
    if (not mistakes) != sound:
        fail(f"schema, {what}", config, mistakes)
    if "c2VjcmV0" in ran.stderr + ran.stdout or "sig=" in ran.stderr:
        fail(f"a secret is told, {what}", config)


def place(config, path):
    for step in path[:-1]:
        config = config[step]
    return config


def changed(path, value):
    config = copy.deepcopy(GOOD)
    if value is None:
        del place(config, path)[path[-1]]
    else:
        place(config, path)[path[-1]] = value
    return config


GOOD = example()
VM, RAW = ("virtualMachines", 0), ("virtualMachines", 0, "disks", 0)
BLOB = ("virtualMachines", 0, "disks", 2)
NO, YES = False, True
CASES = [
    (("regions",), [], NO), (("regions",), None, NO), (("regions", 0, "name"), "East US", NO),
    (("regions", 0, "name"), None, NO), (("regions", 0, "url"), "ftp://x", NO),
    (("regions", 0, "url"), "https://a.example/?sig=abc", NO), (("regions", 0, "url"), "http://127.0.0.1:1/a", YES),
    (("regions", 0, "key"), "c2VjcmV0", NO), (("regions", 0, "key"), None, NO), (("regions", 0, "key"), 7, NO),
    (("regions", 0, "sas"), "env:CONFIG_SAS", NO), (("regions", 0, "account"), "a", YES),
    (("regions", 0, "unknown"), 1, NO), (("unknown",), 1, NO), (("virtualMachines",), None, YES),
    (("virtualMachines",), {}, NO), (("limits",), None, YES), (("limits", "copiesAtOnce"), 0, NO),
    (("limits", "copiesAtOnce"), 65, NO), (("limits", "memoryBytes"), 1, NO), (("limits", "bytesPerSecond"), "1", NO),
    (("limits", "replicationDeadlineDays"), 365, YES), (("allowHttp",), "yes", NO), (("allowHttp",), True, YES),
    (("cacert",), "ca.pem", NO), (("cacert",), "/ca.pem", YES),
    (("restoreTo",), None, YES), (("restoreTo",), [], YES), (("restoreTo",), "/srv/", NO), (("restoreTo",), [7], NO),
    (("restoreTo",), ["/srv/restores/", "/dev/sdb", "/dev/disk/by-id/x", "/a/.b/..c/..."], YES), (("restoreTo",), ["/"], NO),
    (("restoreTo",), ["/dev/"], NO), (("restoreTo",), ["srv/"], NO), (("restoreTo",), ["/srv//x"], NO),
    (("restoreTo",), ["/srv/../x"], NO), (("restoreTo",), ["/srv/."], NO), (("restoreTo",), ["/srv/./"], NO),
    (("restoreTo",), ["/srv/.."], NO), (("restoreTo",), ["/s\nrv/"], NO), (("restoreTo",), ["/s"] * 65, NO),
    (VM + ("id",), "web1", NO), (VM + ("id",), None, NO), (VM + ("location",), None, NO), (VM + ("disks",), [], NO),
    (VM + ("metadata",), [], NO), (VM + ("metadata",), None, YES), (VM + ("hooks", "thawCommand"), None, NO),
    (VM + ("hooks", "freezeCommand"), None, YES), (VM + ("hooks", "fileSystems"), ["/srv"], YES),
    (VM + ("hooks", "fileSystems"), ["srv"], NO), (VM + ("hooks", "timeoutSeconds"), 0, NO),
    (VM + ("schedule", "everyMinutes"), 0, NO), (VM + ("schedule", "collection"), None, NO),
    (VM + ("schedule", "consistencyMode"), "CrashConsistent", YES), (VM + ("schedule", "consistencyMode"), "Best", NO),
    (VM + ("keep", "last"), 0, NO), (VM + ("keep", "last"), 1.5, NO), (VM + ("keep",), {}, YES),
    (VM + ("snapshot", "means"), "magic", NO), (VM + ("snapshot", "folder"), None, NO), (VM + ("snapshot",), None, YES),
    (VM + ("snapshot",), {"means": "command", "command": "cut", "folder": "/cuts"}, YES),
    (VM + ("snapshot",), {"means": "command", "command": "cut"}, NO), (VM + ("snapshot",), {"means": "lvm"}, YES),
    (RAW + ("name",), "a b", NO), (RAW + ("name",), "", NO), (RAW + ("role",), "data", NO), (RAW + ("file",), "x", NO),
    (RAW + ("file",), None, NO), (RAW + ("blob",), "a/b", NO), (RAW + ("sizeBytes",), 1, NO),
    (RAW + ("id",), SCOPE + "disks/d", YES), (RAW + ("id",), SCOPE, NO), (RAW + ("shared",), 1, NO),
    (RAW + ("ephemeral",), True, YES), (RAW + ("encryption",), {}, NO), (RAW + ("encryption",), {"type": "x"}, YES),
    (RAW + ("encryption",), {"type": "x", "diskEncryptionSetId": SCOPE + "diskEncryptionSets/s"}, YES),
    (BLOB + ("blob",), "nothing", NO), (BLOB + ("lun",), 64, NO), (BLOB + ("lun",), None, NO), (BLOB + ("lun",), 63, YES),
]
check("the example", GOOD, True)
for path, value, sound in CASES:
    check(f"{path} = {value}", changed(path, value), sound)

# What only snapferryd can see, the schema takes.
for path, value, words in [
    (("regions", 1, "name"), "eastus", r"\$\.regions\[1\]\.name"),
    (VM + ("location",), "mars", r"\$\.virtualMachines\[0\]\.location"),
    (BLOB + ("lun",), 0, r"disks\[2\]\.lun"), (BLOB + ("name",), "WEB1-os", r"disks\[2\]\.name"),
    (("regions", 0, "key"), "env:NO_SUCH_VARIABLE", r"\$\.regions\[0\]\.key"),
    (("regions", 0, "url"), "http://a.example", r"\$\.regions\[0\]\.url"),
]:
    FILE.write_text(json.dumps(changed(path, value)))
    ran = subprocess.run([os.environ["SNAPFERRYD_BIN"], "--config", FILE, "--check"], capture_output=True, text=True,
                         timeout=60)
    if ran.returncode != 2 or not re.search(words, ran.stderr):
        fail(f"not refused: {path} = {value}", {}, ran.stderr)
print(f"{len(CASES) + 1} configurations, {failed} failed")
sys.exit(1 if failed else 0)
