#!/usr/bin/env python3
"""One table: Perdure, as a program and as a library, beside a client that only moves the same bytes.

Everything runs against the same loopback endpoint in the same minutes, in turn, so that a machine that slows down slows
down for all. Figures are medians; `--repeat` says of how many runs. See README.md here.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

STEPS = (10, 200, 1000, 4000)
WORDS = 4000  # deltas of reasoning in a long reply


class Endpoint:
    """The fast endpoint, for as long as the benchmark runs."""

    def __init__(self, build, *options):
        self.process = subprocess.Popen([f"{build}/bin/fast_endpoint", "--watch-stdin", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.process.stdout.readline()).group(0)

    def measured(self):
        """What the clients did since the last call, as the endpoint saw it."""
        with urllib.request.urlopen(self.url + "/measured") as answer:
            return json.load(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(command, environment=None):
    """Runs a command; returns its output, its processor time in ms, and its peak memory in KB."""
    started = time.monotonic_ns()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, **(environment or {})))
    output, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed with status {process.returncode}\n{errors}")
    return {"output": output, "started_ns": started, "wall_ms": (time.monotonic_ns() - started) / 1e6,
            "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3, "peak_kb": usage.ru_maxrss}


class Bench:
    """The commands that are compared, in a workspace and state of their own."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.workspace = f"{folder}/workspace"
        run([f"{build}/bin/floor_client", "--make-workspace", self.workspace])
        os.makedirs(f"{folder}/state/config/models")
        for steps in (1, 20, *STEPS):
            with open(f"{folder}/state/config/models/bench-{steps}.toml", "w") as profile:
                profile.write(f'id = "bench-{steps}"\nwindow_tokens = 90000000\n')
        with open(f"{folder}/agent.toml", "w") as agent:
            agent.write('name = "bench"\n[tools]\nbuiltin = ["read_file"]\n')
        self.endpoint = Endpoint(build)
        self.environment = {"XDG_STATE_HOME": f"{folder}/state", "XDG_CONFIG_HOME": f"{folder}/config"}
        os.makedirs(f"{folder}/config")
        os.symlink(f"{folder}/state/config", f"{folder}/config/perdure")

    def floor(self, steps, runs=1):
        result = run([f"{self.build}/bin/floor_client", "--url", self.endpoint.url, "--workspace", self.workspace,
                      "--steps", str(steps), "--runs", str(runs)])
        return {**result, **json.loads(result["output"])}

    def library(self, steps, runs=1, journal="durable"):
        result = run([f"{self.build}/bin/bench_client", "--url", self.endpoint.url, "--workspace", self.workspace,
                      "--state", f"{self.folder}/state", "--steps", str(steps), "--runs", str(runs),
                      "--journal", journal])
        own = json.loads(result["output"])
        return dict(result, wall_ms=own["wall_ms"], checkpoints=own["checkpoints"], peak_kb=own["peak_kb"])

    def program(self, steps):
        return run([f"{self.build}/bin/perdure", "run", "--agent", f"{self.folder}/agent.toml", "--base-url",
                    self.endpoint.url, "--model", f"bench-{steps}", "--workspace", self.workspace,
                    "--max-steps", str(steps + 1), "--output", "json", "Read all files, then answer."],
                   self.environment)

    def resume(self, steps):
        """A next turn of the last run of the program, which had so many steps."""
        return run([f"{self.build}/bin/perdure", "resume", "last", "--max-steps", str(steps + 1000), "--output", "json",
                    "Once more."], self.environment)

    def start_ms(self, client):
        """From the start of the process to the first byte of its first request, as the endpoint sees it."""
        self.endpoint.measured()
        started = client(1)["started_ns"]
        return (self.endpoint.measured()["first_request_ns"] - started) / 1e6


def in_turn(repeat, clients):
    """Runs each client `repeat` times, one after the other, and gives the lists of results."""
    results = {name: [] for name in clients}
    for _ in range(repeat):
        for name, client in clients.items():
            results[name].append(client())
    return results


def median(results, key):
    return statistics.median(key(result) for result in results)


def checkpoint(result, step):
    for entry in result["checkpoints"]:
        if entry["step"] == step:
            return entry["cpu_us_per_step"]
    return 0


class Table:
    """Rows of text, printed at the end as Markdown."""

    def __init__(self):
        self.rows = [["figure", "floor", "library, durable", "library, journal off", "program", "target", ""]]

    def add(self, figure, floor, durable="", off="", program="", target="", reached=None):
        verdict = "" if reached is None else "reached" if reached else "missed"
        self.rows.append([figure, floor, durable, off, program, target, verdict])

    def text(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.rows[0]))]
        lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in self.rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)


def bench_start(bench, table, repeat):
    results = in_turn(2 * repeat + 3, {"floor": lambda: bench.start_ms(bench.floor),
                                       "library": lambda: bench.start_ms(bench.library),
                                       "program": lambda: bench.start_ms(bench.program)})
    values = {name: statistics.median(list_) for name, list_ in results.items()}
    table.add("cold start to first request, ms", f"{values['floor']:.1f}", f"{values['library']:.1f}", "",
              f"{values['program']:.1f}", "at most 10", values["program"] <= 10)


def bench_long_run(bench, table, repeat):
    def with_gaps(client):
        def call():
            bench.endpoint.measured()
            result = client()
            return dict(result, gaps=bench.endpoint.measured()["gap_us"])
        return call

    results = in_turn(repeat, {"floor": with_gaps(lambda: bench.floor(4000)),
                               "durable": with_gaps(lambda: bench.library(4000)),
                               "off": with_gaps(lambda: bench.library(4000, journal="off")),
                               "program": with_gaps(lambda: bench.program(4000))})
    growth = {}
    for step in STEPS:
        cpu = {name: median(results[name], lambda r, s=step: checkpoint(r, s)) for name in ("floor", "durable", "off")}
        growth[step] = cpu
        over = (cpu["durable"] - cpu["floor"]) / 1000
        target = ("at most 0.5 ms over the floor", over <= 0.5) if step == 1000 else ("", None)
        table.add(f"CPU per step at step {step}, ms", f"{cpu['floor'] / 1000:.3f}", f"{cpu['durable'] / 1000:.3f}",
                  f"{cpu['off'] / 1000:.3f}", "", *target)
    grown = {name: growth[4000][name] - growth[200][name] for name in ("floor", "durable", "off")}
    table.add("growth of that from step 200 to 4000, ms", f"{grown['floor'] / 1000:.3f}",
              f"{grown['durable'] / 1000:.3f}", f"{grown['off'] / 1000:.3f}", "", "no more than the floor",
              grown["durable"] <= grown["floor"] * 1.15)
    for step in STEPS:
        gap = {name: median(results[name], lambda r, s=step: r["gaps"][str(s)]) for name in results}
        table.add(f"gap between reply and request at step {step}, ms", *(
            f"{gap[name] / 1000:.2f}" for name in ("floor", "durable", "off", "program")))
    total = {name: median(results[name], lambda r: r["cpu_ms"]) / 1000 for name in results}
    table.add("4,000 steps: CPU, s", *(f"{total[name]:.2f}" for name in ("floor", "durable", "off", "program")),
              "at most 4", max(total["durable"], total["program"]) <= 4)
    memory = {name: median(results[name], lambda r: r["peak_kb"]) / 1000 for name in results}
    table.add("4,000 steps: peak memory, MB", *(f"{memory[name]:.0f}" for name in ("floor", "durable", "off", "program")),
              "at most 40", max(memory["durable"], memory["program"]) <= 40)


def bench_durability(bench, table, repeat):
    """What the journal costs: in time for one run and for many at once, in bytes, in memory, and when a run goes on."""
    results = in_turn(repeat, {(journal, runs): lambda j=journal, n=runs: bench.library(200, n, j)
                               for journal in ("durable", "off") for runs in (1, 10, 100)})
    for runs in (1, 10, 100):
        wall = {journal: median(results[journal, runs], lambda r: r["wall_ms"]) / (200 * runs)
                for journal in ("durable", "off")}
        table.add(f"wall time of a step, {runs} runs x 200 steps at once, ms", "", f"{wall['durable']:.3f}",
                  f"{wall['off']:.3f}", "", "")
        table.add(f"... of it for durable commits, {runs} runs, ms", "", f"{wall['durable'] - wall['off']:.3f}", "", "", "")
    peaks = in_turn(repeat, {steps: lambda s=steps: bench.library(s) for steps in (1000, 4000)})
    slope = (median(peaks[4000], lambda r: r["peak_kb"]) - median(peaks[1000], lambda r: r["peak_kb"])) / 3000
    table.add("memory of a step, from step 1,000 to 4,000, KB", "", f"{slope:.2f}", "", "", "at most 16", slope <= 16)
    shutil.rmtree(f"{bench.folder}/state/perdure", ignore_errors=True)
    bench.program(4000)
    size = sum(os.path.getsize(f"{bench.folder}/state/perdure/{name}") for name in ("perdure.db", "perdure.db-wal"))
    shown = run([f"{bench.build}/bin/perdure", "show", "last", "--json"], bench.environment)["output"]
    content = sum(len(json.dumps(event["data"]["fragment"], ensure_ascii=False, separators=(",", ":")).encode())
                  for event in map(json.loads, shown.splitlines()) if "fragment" in event["data"])
    beyond = (size - content) / 4000
    table.add("journal beyond the content, bytes a step", "", "", "", f"{beyond:.0f}", "under 2,048", beyond < 2048)
    resumed = statistics.median(bench.resume(4000)["wall_ms"] for _ in range(repeat))
    table.add("resume of 4,000 steps, from start to end of the program, ms", "", "", "", f"{resumed:.0f}", "under 1,000",
              resumed < 1000)


def bench_many_runs(bench, table, repeat):
    results = in_turn(repeat, {"floor": lambda: bench.floor(20, 1000), "durable": lambda: bench.library(20, 1000),
                               "off": lambda: bench.library(20, 1000, "off")})
    wall = {name: median(results[name], lambda r: r["wall_ms"]) / 1000 for name in results}
    table.add("1,000 runs x 20 steps: wall time, s", *(f"{wall[name]:.2f}" for name in ("floor", "durable", "off")), "",
              "at most 3 times the floor", wall["durable"] <= 3 * wall["floor"])
    memory = {name: median(results[name], lambda r: r["peak_kb"]) / 1000 for name in results}
    table.add("1,000 runs x 20 steps: peak memory, MB", *(f"{memory[name]:.0f}" for name in ("floor", "durable", "off")),
              "", "at most 160", memory["durable"] <= 160)


def bench_long_replies(bench, table, repeat):
    """The processor time of a step whose reasoning comes in thousands of deltas, without that of the start."""
    short, bench.endpoint = bench.endpoint, Endpoint(bench.build, "--words", str(WORDS))
    try:
        clients = {"floor": bench.floor, "durable": bench.library,
                   "off": lambda steps: bench.library(steps, journal="off"), "program": bench.program}
        results = in_turn(repeat, {(name, steps): lambda c=client, s=steps: c(s)
                                   for name, client in clients.items() for steps in (1, 20)})
    finally:
        bench.endpoint.close()
        bench.endpoint = short
    cpu = {name: (median(results[name, 20], lambda r: r["cpu_ms"]) - median(results[name, 1], lambda r: r["cpu_ms"])) / 19
           for name in clients}
    table.add(f"CPU of a step with {WORDS:,} deltas, ms",
              *(f"{cpu[name]:.2f}" for name in ("floor", "durable", "off", "program")),
              "at most 4", max(cpu["durable"], cpu["program"]) <= 4)


def bench_streams(bench, table):
    """How fast the bytes of a streamed reply become a reply, and whether many deltas cost more than few each."""
    figures = json.loads(run([f"{bench.build}/bin/stream_bench"])["output"])
    for kind, what in (("text", "text"), ("arguments", "arguments of a call")):
        few, many = figures[f"{kind}_10000"], figures[f"{kind}_100000"]
        table.add(f"stream read, 100,000 deltas of {what}, MB/s", "", f"{many['mb_per_s']:.0f}", "", "",
                  "more than 200", many["mb_per_s"] > 200)
        table.add(f"time of a delta of {what}, 10,000 / 100,000 in a reply, ns", "",
                  f"{few['ns_per_delta']:.0f} / {many['ns_per_delta']:.0f}", "", "", "the same",
                  many["ns_per_delta"] <= few["ns_per_delta"] * 1.25)


def bench_commands(bench, table):
    """What the box adds to a command that does nothing."""
    figures = json.loads(run([f"{bench.build}/bin/command_bench"])["output"])
    added = figures["boxed_ms"] - figures["plain_ms"]
    table.add("command `true`, start to end, plain / in its box, ms", "",
              f"{figures['plain_ms']:.2f} / {figures['boxed_ms']:.2f}", "", "", "at most 5 more", added <= 5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where the programs are built")
    parser.add_argument("--only", default="", help="of the parts, those whose name has this: durability, long, many...")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each client, of which the median counts")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="perdure-bench-", dir=options.build)
    table = Table()
    bench = Bench(os.path.abspath(options.build), os.path.abspath(folder))
    parts = {"streams": lambda: bench_streams(bench, table), "commands": lambda: bench_commands(bench, table),
             "start": lambda: bench_start(bench, table, options.repeat),
             "long_run": lambda: bench_long_run(bench, table, options.repeat),
             "many_runs": lambda: bench_many_runs(bench, table, options.repeat),
             "durability": lambda: bench_durability(bench, table, options.repeat),
             "long_replies": lambda: bench_long_replies(bench, table, options.repeat)}
    try:
        for name, part in parts.items():
            if options.only in name:
                part()
    finally:
        bench.endpoint.close()
        shutil.rmtree(folder)
    print(table.text())
    load = os.getloadavg()[0]
    print(f"\nMedians of {options.repeat} runs each, in turn; {os.cpu_count()} processors, load {load:.1f} at the end.")


if __name__ == "__main__":
    main()
