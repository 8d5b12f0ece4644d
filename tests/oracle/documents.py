"""Judges JSON documents by their schemas, with the package jsonschema.

Reads {"schemas": {NAME: schema}, "documents": [[NAME, document], ..]} and writes a line for each complaint, which begins with
the document's place in the list. The schemas are closed before: a key that a schema does not know is a complaint too.
"""

import json
import sys

from jsonschema.validators import validator_for


def closed(schema):
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {}
    for keyword, value in schema.items():
        # What lies below these two are names, and not keywords.
        names = keyword in ("properties", "$defs")
        inside[keyword] = {name: closed(one) for name, one in value.items()} if names else closed(value)
    if "properties" in schema:
        inside.setdefault("additionalProperties", False)
    return inside


given = json.load(sys.stdin)
validators = {}
for name, schema in given["schemas"].items():
    draft = validator_for(schema)
    draft.check_schema(schema)
    validators[name] = draft(closed(schema))
for place, (name, document) in enumerate(given["documents"]):
    for error in validators[name].iter_errors(document):
        print(f"{place} {name}: {error.json_path}: {error.message[:300]}")
