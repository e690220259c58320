//! The table: for the terminal and for docs/reference/benchmarks.md.

use std::fmt::Write as _;

use super::histogram::Percentiles;
use super::machine::Machine;
use super::peers::Kind;
use super::results::{Results, RowResult};
use super::rows::{Measurement, Row};

const HEADS: [&str; 8] = [
    "peer",
    "rate",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "CPU s/1000 req",
    "CPU s/GiB",
    "peak MiB",
];

const HEADS_ON_ENGINES: [&str; 2] = ["queries/req", "store calls/req"];

/// A figure with three significant digits or all of its integer ones.
pub(crate) fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 1.0 => 2,
        small if small >= 0.01 => 3,
        _ => 5,
    };
    format!("{value:.decimals$}")
}

/// One peer's cells, in the order of the heads.
fn cells(result: &RowResult, kind: Kind) -> [String; 8] {
    let median = |figure_of: &dyn Fn(&Measurement) -> Option<f64>| {
        result
            .median(kind, figure_of)
            .map_or_else(|| "–".to_owned(), figure)
    };
    let timed = |time: fn(&Measurement) -> f64| {
        median(&|measured| (measured.latency.count > 0).then(|| time(measured)))
    };
    let wrong = if result.failed(kind) {
        " (wrong answers)"
    } else {
        ""
    };
    [
        format!("{}{wrong}", kind.name()),
        format!(
            "{} {}",
            median(&|measured| Some(measured.value)),
            result.unit.name()
        ),
        timed(|measured| measured.latency.p50),
        timed(|measured| measured.latency.p99),
        timed(|measured| measured.latency.p999),
        median(&|measured| {
            measured
                .cpu_per_request()
                .filter(|cpu| *cpu > 0.0)
                .map(|cpu| cpu / 1000.0)
        }),
        median(&|measured| measured.cpu_per_gib().filter(|cpu| *cpu > 0.0)),
        median(&|measured| measured.peak_mebibytes()),
    ]
}

/// What a request asks of PostgreSQL and of the S3 store, for rows on them.
fn asked(result: &RowResult, kind: Kind) -> [String; 2] {
    let median = |figure_of: &dyn Fn(&Measurement) -> Option<f64>| {
        result
            .median(kind, figure_of)
            .map_or_else(|| "–".to_owned(), figure)
    };
    [
        median(&|measured| measured.queries),
        median(&|measured| measured.store_calls),
    ]
}

/// A row in short, for a run without a progress bar.
pub(crate) fn line(row: &Row, results: &Results) -> String {
    let mut line = format!("{:32}", row.id);
    if let Some(result) = results.rows.get(&row.id) {
        for kind in result.rounds.keys() {
            let [peer, rate, ..] = cells(result, *kind);
            let _ = write!(line, "  {peer} {rate}");
        }
    }
    for verdict in results.verdicts(row) {
        let _ = write!(line, "  {} {}", mark(verdict.reached), verdict.text);
    }
    line
}

fn mark(reached: bool) -> &'static str {
    if reached { "✓" } else { "✗" }
}

/// All rows with aligned columns.
pub(crate) fn terminal(rows: &[Row], results: &Results) -> String {
    let mut text = String::new();
    let widths = [28, 18, 10, 10, 10, 15, 10, 9];
    let aligned = |cells: &[String; 8]| {
        let mut line = String::new();
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let _ = if at == 0 {
                write!(line, "  {cell:width$}")
            } else {
                write!(line, " {cell:>width$}")
            };
        }
        line
    };
    let _ = writeln!(text, "\n{}", aligned(&HEADS.map(str::to_owned)));
    for row in rows {
        let Some(result) = results.rows.get(&row.id) else {
            continue;
        };
        let _ = writeln!(text, "{}: {}", row.id, result.title);
        for kind in result.rounds.keys() {
            let _ = write!(text, "{}", aligned(&cells(result, *kind)));
            if row.workload.is_on_engines() {
                let [queries, store_calls] = asked(result, *kind);
                let _ = write!(text, "  queries {queries}, store calls {store_calls}");
            }
            text.push('\n');
        }
        for (name, times) in steps(result) {
            let _ = writeln!(text, "    {name}: {times}");
        }
        for verdict in results.verdicts(row) {
            let _ = writeln!(text, "    {} {}", mark(verdict.reached), verdict.text);
        }
    }
    text
}

/// By kind of step, where a row tells them apart: name, and medians of p50, p99 and p99.9.
fn steps(result: &RowResult) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (kind, rounds) in &result.rounds {
        let names = rounds.first().map(|round| &round.steps);
        for (name, _) in names.into_iter().flatten() {
            let at = |time: fn(&Percentiles) -> f64| {
                let value = result.median(*kind, &|measured| {
                    let (_, times) = measured.steps.iter().find(|(step, _)| step == name)?;
                    Some(time(times))
                });
                value.map_or_else(|| "–".to_owned(), figure)
            };
            let (p50, p99, p999) = (at(|t| t.p50), at(|t| t.p99), at(|t| t.p999));
            lines.push((
                format!("{}, {name}", kind.name()),
                format!("{p50} / {p99} / {p999} ms"),
            ));
        }
    }
    lines
}

const HOW: &str = "\
Every row runs in interleaved rounds on loopback: each round measures every peer once, the next round begins with
another peer. Figures are medians over the rounds, ratios are medians of the rounds' own ratios. Rounds with a
wrong answer count for nothing and fail the run. Latency is per request, in the zb rows per iteration (all requests of one push or
pull); in the open loop it counts from the moment a request should have started. CPU is user and system time of the server's processes.
Peak is the highest RssAnon seen, every 20 ms. Nothing is pinned: server and driver share the cores.

- **roadstead** runs on its defaults (SQLite and files); every request carries a Bearer token, except for the token row.
- **docker-registry** is Debian's package: files, deletion on, descriptor cache in memory, logs and authentication off.
- **nginx** serves the same bytes as static files (sendfile, tcp_nopush, open_file_cache, 2 workers, no access log): the limit.
- **dd** is `dd bs=1M conv=fsync` of the same bytes from the page cache to the same file system.

The rows that begin with `pg-s3-` keep everything in PostgreSQL 15, which flushes each commit, and in a bucket of SeaweedFS;
both run on the same two cores, start anew, and are not part of the CPU and memory given. `haproxy` is HAProxy before
one or three replicas, round robin; CPU is that of the replicas, memory their sum. docker-registry has a bucket of the same store, its
redirect off and its descriptor cache still in memory. Queries are the statements that PostgreSQL counted (`pg_stat_statements`)
and store calls what `/metrics` counted, each divided by the requests, to a hundredth, with all that goes on in the background; too few
requests have no such figure.

The zb rows give every image a token of its own, fetched before the measured time; clean-up is removing the store
and isn't measured. In the memory rows, 64 transfers are cut at the end of the measured time: 64 GiB don't have to be on disk.

Not measured: a cold page cache, real networks, an object store over one, many machines, and kernel TLS.

Why some goals are missed: [where the time goes](../explanation/where-the-time-goes.md).
";

/// The whole document.
pub(crate) fn markdown(rows: &[Row], results: &Results, machine: &Machine) -> String {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`; repeat it with that command (`--rows REGEX` for some rows, `--list` to see them).\n\n",
    );
    let _ = writeln!(text, "- Machine: {}", machine.hardware);
    let _ = writeln!(text, "- Software: {}", machine.software);
    let dates: std::collections::BTreeSet<&str> =
        results.rows.values().map(|row| row.date.as_str()).collect();
    let _ = writeln!(
        text,
        "- Measured: {}",
        dates.into_iter().collect::<Vec<_>>().join(", ")
    );
    let _ = writeln!(
        text,
        "\n## What should be reached, and is\n\n| row | goals |\n| --- | --- |"
    );
    for row in rows {
        let verdicts = results.verdicts(row);
        if !verdicts.is_empty() {
            let goals: Vec<String> = verdicts
                .iter()
                .map(|verdict| format!("{} {}", mark(verdict.reached), verdict.text))
                .collect();
            let _ = writeln!(text, "| {} | {} |", row.id, goals.join("<br>"));
        }
    }
    let _ = writeln!(
        text,
        "\n![How far each row is from its goal](benchmarks.svg)\n\n## Figures\n"
    );
    figures(&mut text, rows, results, false);
    let _ = writeln!(text, "\n## Figures on PostgreSQL and S3\n");
    figures(&mut text, rows, results, true);
    markdown_steps(&mut text, rows, results);
    let _ = write!(text, "\n## How it is measured\n\n{HOW}");
    text
}

/// The table of the rows that are on engines, or of the others.
fn figures(text: &mut String, rows: &[Row], results: &Results, on_engines: bool) {
    let mut heads = HEADS.to_vec();
    if on_engines {
        heads.extend(HEADS_ON_ENGINES);
    }
    let _ = writeln!(
        text,
        "| row | {} |\n| --- | --- |{}",
        heads.join(" | "),
        " ---: |".repeat(heads.len() - 1)
    );
    let of_table = |row: &&Row| row.workload.is_on_engines() == on_engines;
    for row in rows.iter().filter(of_table) {
        let Some(result) = results.rows.get(&row.id) else {
            continue;
        };
        for (at, kind) in result.rounds.keys().enumerate() {
            let name = if at == 0 { result.title.as_str() } else { "" };
            let mut line = cells(result, *kind).to_vec();
            if on_engines {
                line.extend(asked(result, *kind));
            }
            let _ = writeln!(text, "| {name} | {} |", line.join(" | "));
        }
    }
}

fn markdown_steps(text: &mut String, rows: &[Row], results: &Results) {
    let _ = writeln!(
        text,
        "\n## By kind of request\n\np50 / p99 / p99.9 of the rows that tell them apart.\n\n| row | request | time |\n| --- | --- | ---: |"
    );
    for row in rows {
        let Some(result) = results.rows.get(&row.id) else {
            continue;
        };
        for (name, times) in steps(result) {
            let _ = writeln!(text, "| {} | {name} | {times} |", row.id);
        }
    }
}
