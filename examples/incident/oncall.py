#!/usr/bin/env python3
"""The tools of the on-call agent: `oncall.py TOOL`, arguments as one JSON object on standard input.

A real one would ask a monitoring system; this one reads data/ beside it. The answer goes to standard
output as JSON. What the model should do differently goes to standard error, with exit status 1.
`page_engineer` appends to pages.jsonl in the current directory, which is the agent's workspace.
"""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
LOG_LINES_MAX = 20


def read(name: str):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def get_service_health(service: str) -> dict:
    """The service, and those that it depends on, however far down."""
    health = read("health.json")
    wanted, found = [service], {}
    while wanted:
        name = wanted.pop(0)
        found[name] = health["services"][name]
        wanted += [other for other in found[name]["depends_on"] if other not in found]
    return {"at": health["at"], "services": found}


def search_logs(text: str = "", service: str = "", level: str = "", since: str = "") -> dict:
    lines = [json.loads(line) for line in (DATA / "logs.jsonl").open(encoding="utf-8")]
    found = [
        line
        for line in lines
        if text.lower() in line["text"].lower()
        and service in ("", line["service"])
        and level in ("", line["level"])
        and since <= line["at"]
    ]
    return {"matches": len(found), "last": found[-LOG_LINES_MAX:]}


def get_deploys(service: str = "", since: str = "") -> list:
    return [
        deploy
        for deploy in read("deploys.json")
        if service in ("", deploy["service"]) and since <= deploy["at"]
    ]


def page_engineer(service: str, severity: str, summary: str) -> dict:
    pages = Path("pages.jsonl")
    number = len(pages.read_text(encoding="utf-8").splitlines()) + 1 if pages.exists() else 1
    page = {
        "page": number,
        "at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "engineer": read("oncall.json")[service],
        "service": service,
        "severity": severity,
        "summary": summary,
    }
    with pages.open("a", encoding="utf-8") as file:
        file.write(json.dumps(page, ensure_ascii=False) + "\n")
    return {"paged": page["engineer"], "page": number}


def main() -> int:
    tools = {tool.__name__: tool for tool in
             (get_service_health, search_logs, get_deploys, page_engineer)}
    if len(sys.argv) != 2 or sys.argv[1] not in tools:
        print(f"usage: oncall.py {'|'.join(tools)} <arguments.json", file=sys.stderr)
        return 2
    try:
        answer = tools[sys.argv[1]](**json.load(sys.stdin))
    except (OSError, ValueError, TypeError, KeyError) as error:
        print(f"{sys.argv[1]} failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
