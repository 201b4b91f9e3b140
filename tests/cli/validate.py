#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""validate.py SCHEMA [FILE]: each JSON object against schemas/SCHEMA.json.

FILE (default: standard input) holds a line for each object, or one object. The
schemas leave room for members that come later; here there is none: an object has
the members that they name and no other, so that what is added is written down.
Says how many objects were good; exits with 1 where one is not, or none was there.
"""
import json
import os
import sys

import jsonschema


def close(schema):
    """No member but those that are named, at any depth."""
    if isinstance(schema, list):
        return [close(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed


def pick(schema, value):
    """The part that is for this event: it says best what is wrong."""
    event = value.get("event") if isinstance(value, dict) else None
    if event in schema.get("$defs", {}):
        return {"$ref": f"#/$defs/{event}", "$defs": schema["$defs"]}
    return schema


def values(text):
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def main():
    root = os.path.join(os.path.dirname(__file__), "../../schemas")
    with open(os.path.join(root, sys.argv[1] + ".json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    schema = close(schema)
    with open(sys.argv[2] if len(sys.argv) > 2 else 0, encoding="utf-8") as f:
        found = values(f.read())
    bad = 0
    for value in found:
        validator = jsonschema.Draft202012Validator(pick(schema, value))
        for error in validator.iter_errors(value):
            bad += 1
            print(f"{sys.argv[1]}: {'/'.join(map(str, error.path))}: "
                  f"{error.message}\nin {json.dumps(value)}")
            for part in error.context:
                print("  ", part.message)
    print(f"{len(found)} objects, {bad} wrong")
    sys.exit(bad > 0 or not found)


main()
