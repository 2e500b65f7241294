"""What deploy/ asks Prometheus: the queries of the dashboard, the metrics that queries, rules and alerts name.

usage: dashboard.py METRICS_FILE...     with METRICS_FILEs as /metrics gave them; prints "ok: ..." or "FAILED: ..." lines"""
import json
import os
import re
import subprocess
import sys

SOURCE = os.environ["SOURCE"]
DASHBOARD = os.path.join(SOURCE, "deploy/grafana/joulemap.json")
RULES = [os.path.join(SOURCE, "deploy/prometheus", name) for name in ("joulemap.rules.yml", "joulemap.alerts.yml")]
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "1m", "$__range": "1h", "$job": ".+", "$instance": ".+"}


def load():
    with open(DASHBOARD) as f:
        return json.load(f)


def fill(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def queries(dashboard):
    """Gives (title, expression) of every panel, annotation and variable."""
    out = [(p["title"], t["expr"]) for p in dashboard["panels"] for t in p.get("targets", [])]
    out += [(a["name"], a["expr"]) for a in dashboard["annotations"]["list"]]
    for v in dashboard["templating"]["list"]:
        if v["type"] == "query":
            out.append((v["name"], re.fullmatch(r"label_values\((.*), \w+\)", v["query"]["query"]).group(1)))
    return [(title, fill(expression)) for title, expression in out]


def recorded():
    return set(re.findall(r"- record: (\S+)", open(RULES[0]).read()))


def named(text):
    """Gives the metrics that an expression, or a file of rules, names."""
    text = re.sub(r"#.*|- (?:record|name):.*|summary:.*|description:.*", "", text)
    return set(re.findall(r"(?:\b\w+:)?\bjoulemap_\w+(?::\w+)?|\bprocess_\w+|\bup\b", text))


def exposed(pages):
    return {name for page in pages for name in re.findall(r"^# TYPE (\S+) ", page, re.M)}


def main():
    failed = 0

    def check(what, is_true, shown=""):
        nonlocal failed
        print("ok:" if is_true else "FAILED:", what, "" if is_true else shown)
        failed += not is_true

    dashboard = load()
    asked = queries(dashboard)
    known = exposed(open(name).read() for name in sys.argv[1:]) | recorded() | {"up"}
    check("the dashboard has queries", len(asked) > 15, asked)
    for title, expression in asked:
        check("%s: all it names exists" % title, named(expression) and named(expression) <= known,
              named(expression) - known)
    for path in RULES:
        names = named(open(path).read())
        check("%s: all it names exists" % os.path.basename(path), names and names <= known, names - known)
    check("a metric that is not there is found out", not named("rate(joulemap_energy_jules_total[5m])") <= known)
    with open("queries.yml", "w") as f:
        json.dump({"groups": [{"name": "queries", "rules": [
            {"record": "query:%d" % i, "expr": e} for i, (_, e) in enumerate(asked)]}]}, f)
    lint = subprocess.run(["promtool", "check", "rules", "queries.yml"], capture_output=True, text=True)
    check("promtool takes all queries", lint.returncode == 0, lint.stdout + lint.stderr)
    ids = [p["id"] for p in dashboard["panels"]]
    check("panels have numbers of their own", len(set(ids)) == len(ids))
    cells = [(x, y) for p in dashboard["panels"] for g in [p["gridPos"]] for x in range(g["x"], g["x"] + g["w"])
             for y in range(g["y"], g["y"] + g["h"])]
    check("no panel lies on another, or beyond the edge", len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24)
    check("a query knows its data source by the variable", "uid\": \"${datasource}" in json.dumps(dashboard))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
