#!/usr/bin/python3
"""Checks JSON against the schemas in tools/snapferry/schema.

    check_schema.py job FILE              one JSON text
    check_schema.py event|command FILE    one JSON object a line; "-" is stdin
    check_schema.py schemas               the schemas themselves

Prints each thing that is wrong and how many were looked at; status 1 when one was wrong, 2 when nothing
could be looked at. --end: the last line must be the event "end", and no other line.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("check_schema.py needs Debian's python3-jsonschema (tools/install_packages.sh)")

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tools/snapferry/schema"
KINDS = ("job", "event", "command")
SHOWN_MAX = 100


def load_schemas():
    return {kind: json.loads((FOLDER / f"{kind}.schema.json").read_text()) for kind in KINDS}


def validator_of(kind):
    schemas = load_schemas()
    store = {schema["$id"]: schema for schema in schemas.values()}
    resolver = jsonschema.RefResolver(schemas[kind]["$id"], schemas[kind], store=store)
    return jsonschema.Draft202012Validator(schemas[kind], resolver=resolver)


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def no_twice(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def parse(text):
    return json.loads(text, parse_constant=no_constant, object_pairs_hook=no_twice)


def deepest(error):
    """Of the branches of a oneOf, the one that was meant: where the event's or command's name is right."""
    while error.context:
        branches = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        meant = [branch for branch in branches.values()
                 if not any(e.path and e.path[-1] in ("event", "command") for e in branch)]
        error = (meant or list(branches.values()))[0][0]
    return error


def complaints(validator, value):
    for error in validator.iter_errors(value):
        inner = deepest(error)
        yield f"{inner.json_path}: {inner.message[:300]}"


def check_lines(kind, lines, wants_end):
    validator, wrong, count, last = validator_of(kind), [], 0, None
    for number, line in enumerate(lines, 1):
        count += 1
        try:
            value = parse(line)
        except ValueError as error:
            wrong.append(f"line {number}: {error}")
            continue
        wrong += [f"line {number}: {text}" for text in complaints(validator, value)]
        if wants_end and last == "end":
            wrong.append(f"line {number}: something follows the end")
        last = value.get("event") if isinstance(value, dict) else None
    if wants_end and last != "end":
        wrong.append('the last line is not the event "end"')
    return count, wrong


def main(arguments):
    wants_end = "--end" in arguments
    arguments = [a for a in arguments if a != "--end"]
    if arguments == ["schemas"]:
        for schema in load_schemas().values():
            jsonschema.Draft202012Validator.check_schema(schema)
        count, wrong = len(KINDS), []
    elif len(arguments) == 2 and arguments[0] in KINDS:
        kind, name = arguments
        text = sys.stdin.read() if name == "-" else pathlib.Path(name).read_text()
        if kind == "job":
            count, wrong = 1, list(complaints(validator_of(kind), parse(text)))
        else:
            count, wrong = check_lines(kind, text.splitlines(), wants_end)
    else:
        sys.exit(__doc__)
    for text in wrong[:SHOWN_MAX]:
        print(text)
    print(f"{count} looked at, {len(wrong)} wrong")
    if count == 0:
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
