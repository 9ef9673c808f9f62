"""The daemon's OpenAPI document with ids of things that exist beside what a schema allows.

    contract_document.py IDS.json <openapi.json >patched.json

A fuzzer that only invents ids sees nothing but "not found". IDS.json names what the script has made:
{"file": [...], "job": [...], "model": [...], "upload": [...], "doomed": {"file": [...], ...}}; the
doomed are for the calls that delete or end a thing. Nothing else of the document is touched.
"""
import json
import sys

ENDING = ("cancel", "complete")


def known_or(ids, schema):
    """Mostly something that exists."""
    return {"anyOf": [{"enum": ids}, {"enum": ids[:1]}, schema]}


def patch_path(path, item, ids):
    shared = item.pop("parameters", [])
    for method in ("get", "post", "patch", "delete"):
        operation = item.get(method)
        if operation is None:
            continue
        ends = method == "delete" or path.endswith(ENDING)
        pool = {**ids, **ids["doomed"]} if ends else ids
        for parameter in json.loads(json.dumps(shared)):
            if parameter["name"] in pool:
                parameter["schema"] = known_or(pool[parameter["name"]], parameter["schema"])
            operation.setdefault("parameters", []).append(parameter)


def patch_properties(schema, members):
    for name, ids in members.items():
        if name in schema.get("properties", {}):
            schema["properties"][name] = {"enum": ids}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ids = json.load(file)
    document = json.load(sys.stdin)
    for path, item in document["paths"].items():
        patch_path(path, item, ids)
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {})
            patch_properties(content.get("application/json", {}).get("schema", {}), {"model": ids["model"][:1]})
    patch_properties(document["components"]["schemas"]["CreateFineTuningJobRequest"],
                     {"model": ids["model"], "training_file": ids["file"][:1],
                      "validation_file": [None, *ids["file"]], "test_file": [None, *ids["file"]]})
    json.dump(document, sys.stdout)


main()
