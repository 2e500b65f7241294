"""Holds deploy/grafana/joulemap.json against Grafana's own schema, as its SDK for Python has it: what is read into typed objects and
written again must hold all that was there. usage: grafana_schema.py FOLDER_OF_THE_SDK FILE"""
import json
import sys

sys.path.insert(0, sys.argv[1])
from grafana_foundation_sdk.cog.encoder import JSONEncoder  # noqa: E402
from grafana_foundation_sdk.cog.plugins import register_default_plugins  # noqa: E402
from grafana_foundation_sdk.models.dashboard import Dashboard  # noqa: E402


def compare(ours, theirs, path):
    """Gives what ours has and theirs has not, or has otherwise."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [d for key in ours for d in (compare(ours[key], theirs[key], path + "." + key) if key in theirs
                                            else [path + "." + key + ": not in the schema"])]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [d for i, (a, b) in enumerate(zip(ours, theirs)) for d in compare(a, b, "%s[%d]" % (path, i))]
    return [] if ours == theirs else ["%s: %r is %r in the schema" % (path, ours, theirs)]


def differences(dashboard):
    return compare(dashboard, json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard))), "")


register_default_plugins()
with open(sys.argv[2]) as f:
    dashboard = json.load(f)
found = differences(dashboard)
print("\n".join(found))
dashboard["panels"][1]["options"]["graphMod"] = "none"
assert differences(dashboard), "a key that no panel has is not found out"
sys.exit(bool(found))
