//! Carrying out `roadstead gc`, `fsck` and `scrub`, step by step: on the running registry if there is one, otherwise on
//! its data directory.

use crate::admin::Answer;
use crate::cli::{AdminCommand, FsckArgs, GcArgs, ScrubArgs, UpkeepStep};
use crate::config;
use crate::target::Target;
use crate::text::{date, table};
use anyhow::{Context as _, bail};
use model::Caller;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use services::{
    CollectionRun, Finding, FsckPosition, FsckStep, PreviewPosition, PreviewStep, ScrubStep,
    Services,
};
use std::io::{IsTerminal as _, Write as _};

/// Transactions of each kind in one step: seconds, at the most.
const STEPS: usize = 50;
/// Runs shown.
const RUNS: i64 = 100;
/// What one step of a scrub reads: the other side waits for 30 seconds, and 1 MiB per second is the slowest.
const SCRUB_SECS: u64 = 10;
const MIB: u64 = 1024 * 1024;

/// `roadstead gc`.
pub(crate) fn run_gc(args: &GcArgs) -> anyhow::Result<()> {
    let target = Target::find(&config::load(&args.config.to_flags())?.config)?;
    if args.history {
        return ask(&target, UpkeepStep::History)?.print(args.json);
    }
    if args.dry_run {
        return preview(&target, args.json);
    }
    let mut total = CollectStep::default();
    while !total.is_done {
        let goes_on = (!total.run.is_empty()).then_some(total.run);
        total = parse(&ask(&target, UpkeepStep::Collect(goes_on))?)?;
        show_progress(&format!("{} looks taken", total.reviewed));
    }
    let text = format!(
        "{} blobs were collected, {} bytes; their bytes go when the recovery window is over\n{} looks were taken, {} of them put off\n",
        total.collected, total.collected_bytes, total.reviewed, total.put_off
    );
    Answer::new(serde_json::to_value(&total)?, text).print(args.json)
}

fn preview(target: &Target, as_json: bool) -> anyhow::Result<()> {
    let mut after = None;
    let (mut blobs, mut bytes) = (Vec::new(), 0);
    loop {
        let step: Previewed = parse(&ask(target, UpkeepStep::Preview(after))?)?;
        for (digest, size_bytes) in step.blobs {
            bytes += size_bytes;
            if as_json {
                blobs.push(json!({ "digest": digest, "size_bytes": size_bytes }));
            } else {
                crate::print(format!("{digest}  {size_bytes}\n").as_bytes())?;
                blobs.push(Value::Null);
            }
        }
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let text = format!("{} blobs would go, {bytes} bytes\n", blobs.len());
    Answer::new(json!({ "blobs": blobs, "bytes": bytes }), text).print(as_json)
}

/// `roadstead fsck`.
pub(crate) fn run_fsck(args: &FsckArgs) -> anyhow::Result<()> {
    let target = Target::find(&config::load(&args.config.to_flags())?.config)?;
    let mut at = Some(FsckPosition::start());
    let (mut checked, mut findings) = (0, Vec::new());
    while let Some(from) = at {
        let repairs = args.repair;
        let step: CheckStep = parse(&ask(&target, UpkeepStep::Fsck { at: from, repairs })?)?;
        checked += step.checked;
        if !args.json {
            for found in &step.findings {
                crate::print(line(found)?.as_bytes())?;
            }
        }
        findings.extend(step.findings);
        at = step.next;
        show_progress(&format!("{checked} looked at"));
    }
    let count = findings.len();
    let text = format!("{checked} rows and objects were looked at, {count} problems found\n");
    let json = json!({ "checked": checked, "findings": findings });
    Answer::new(json, text).print(args.json)?;
    if count > 0 {
        bail!("database and store do not agree");
    }
    Ok(())
}

fn line(found: &Finding) -> anyhow::Result<String> {
    let problem = serde_json::to_value(found.problem)?;
    let problem = problem.as_str().unwrap_or_default();
    let repaired = if found.is_repaired { "; repaired" } else { "" };
    Ok(format!(
        "{problem}  {}  {}{repaired}\n",
        found.subject, found.detail
    ))
}

/// `roadstead scrub`.
pub(crate) fn run_scrub(args: &ScrubArgs) -> anyhow::Result<()> {
    let target = Target::find(&config::load(&args.config.to_flags())?.config)?;
    let bytes_per_sec = u64::from(args.mib_per_sec) * MIB;
    let mut total = Scrubbed::default();
    while !total.is_round_over {
        let step: Scrubbed = parse(&ask(&target, UpkeepStep::Scrub { bytes_per_sec })?)?;
        total = Scrubbed {
            checked: total.checked + step.checked,
            bytes: total.bytes + step.bytes,
            damaged: total.damaged + step.damaged,
            released: total.released + step.released,
            unreadable: total.unreadable + step.unreadable,
            is_round_over: step.is_round_over,
        };
        show_progress(&format!("{} MiB read", total.bytes / MIB));
    }
    let text = format!(
        "{} blobs were read, {} bytes: {} damaged, {} unreadable, {} whole again\n",
        total.checked, total.bytes, total.damaged, total.unreadable, total.released
    );
    Answer::new(serde_json::to_value(&total)?, text).print(args.json)?;
    if total.damaged + total.unreadable > 0 {
        bail!("stored blobs are damaged or unreadable; the log of the registry names them");
    }
    Ok(())
}

fn ask(target: &Target, step: UpkeepStep) -> anyhow::Result<Answer> {
    target.ask(AdminCommand::Upkeep(step))
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> anyhow::Result<T> {
    T::deserialize(answer.json()).context("the running registry answered something else")
}

/// For whoever looks on; a file or a pipe gets only the outcome.
pub(crate) fn show_progress(text: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // It is no loss if it cannot be shown.
        let _ = write!(terminal, "\r{text}\x1b[K\r");
    }
}

/// A run and what it did since it began.
#[derive(Default, Serialize, Deserialize)]
struct CollectStep {
    run: String,
    reviewed: u64,
    put_off: u64,
    collected: u64,
    collected_bytes: u64,
    is_done: bool,
}

#[derive(Serialize, Deserialize)]
struct Previewed {
    blobs: Vec<(String, u64)>,
    next: Option<PreviewPosition>,
}

#[derive(Serialize, Deserialize)]
struct CheckStep {
    checked: u64,
    findings: Vec<Finding>,
    next: Option<FsckPosition>,
}

#[derive(Default, Serialize, Deserialize)]
struct Scrubbed {
    checked: u64,
    bytes: u64,
    damaged: u64,
    released: u64,
    unreadable: u64,
    is_round_over: bool,
}

/// Does one step.
pub(crate) async fn carry_out(services: &Services, step: UpkeepStep) -> anyhow::Result<Answer> {
    let maintenance = &services.maintenance;
    let json = match step {
        UpkeepStep::Collect(goes_on) => {
            let caller = Caller::local_operator();
            let run = maintenance.run_collection(Some(&caller), goes_on.as_deref(), STEPS);
            serde_json::to_value(collected(run.await?))?
        }
        UpkeepStep::Preview(after) => {
            serde_json::to_value(previewed(maintenance.preview_collection(after).await?))?
        }
        UpkeepStep::History => return history(services).await,
        UpkeepStep::Fsck { at, repairs } => {
            let FsckStep {
                checked,
                findings,
                next,
            } = maintenance.fsck(at, repairs).await?;
            serde_json::to_value(CheckStep {
                checked,
                findings,
                next,
            })?
        }
        UpkeepStep::Scrub { bytes_per_sec } => {
            let step = maintenance.scrub(bytes_per_sec, bytes_per_sec * SCRUB_SECS);
            serde_json::to_value(scrubbed(step.await?))?
        }
    };
    Ok(Answer::new(json, ""))
}

fn collected(run: CollectionRun) -> CollectStep {
    CollectStep {
        run: run.id,
        reviewed: run.counts.reviewed,
        put_off: run.counts.put_off,
        collected: run.counts.collected,
        collected_bytes: run.counts.collected_bytes,
        is_done: run.is_done,
    }
}

fn previewed(step: PreviewStep) -> Previewed {
    let blobs = step.blobs.into_iter();
    Previewed {
        blobs: blobs
            .map(|(digest, size_bytes)| (digest.as_str().to_owned(), size_bytes))
            .collect(),
        next: step.next,
    }
}

fn scrubbed(step: ScrubStep) -> Scrubbed {
    Scrubbed {
        checked: step.checked,
        bytes: step.bytes,
        damaged: step.damaged,
        released: step.released,
        unreadable: step.unreadable,
        is_round_over: step.is_round_over,
    }
}

async fn history(services: &Services) -> anyhow::Result<Answer> {
    let runs = services.maintenance.list_collections(RUNS).await?;
    let rows = runs.iter().map(|run| {
        let counts = &run.counts;
        vec![
            date(Some(run.started_at_ms)),
            date(run.ended_at_ms),
            run.requested_by.clone(),
            counts.reviewed.to_string(),
            counts.put_off.to_string(),
            counts.collected.to_string(),
            counts.collected_bytes.to_string(),
        ]
    });
    let head = [
        "STARTED", "ENDED", "BY", "LOOKS", "PUT OFF", "BLOBS", "BYTES",
    ];
    let text = table(&head, rows);
    let json = runs.iter().map(|run| {
        json!({
            "started_at": date(Some(run.started_at_ms)),
            "ended_at": run.ended_at_ms.map(|at_ms| date(Some(at_ms))),
            "requested_by": run.requested_by,
            "reviewed": run.counts.reviewed,
            "put_off": run.counts.put_off,
            "collected": run.counts.collected,
            "collected_bytes": run.counts.collected_bytes,
        })
    });
    Ok(Answer::new(json.collect(), text))
}
