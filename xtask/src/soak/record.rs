//! What is written down of a soak: `docs/reference/soak.md`, and the tables of `scale` in `docs/reference/scale.md`.

use std::fmt::Write as _;

use anyhow::Context as _;
use tokio::process::Command;

use super::{Progress, Soak};
use crate::process::output_of;
use crate::workspace;

const HEADER: &str = "# Soak runs

Long runs of tests that `cargo xtask test` makes short, written by `cargo xtask soak NAME`. A run that was stopped goes on
where it was when it is started again; `--restart` begins anew, `--seed` repeats a run's random choices. A commit that ends
in `-dirty` had changes beside it.

| soak | what is repeated | what must hold |
| --- | --- | --- |
| `events` | people push, move tags and delete while a webhook and two sinks follow; the receivers are away for two minutes, and the server is killed in the middle of that and once after it | what each receiver got is what the audit log has for it, nothing is missing and nothing invented; what comes first in the log comes first at a sink |
| `interleave` | random schedules of pushes, mounts, deletions, passing time, expiry and collection in three repositories of two accounts, several steps at a time: 100,000 on SQLite and files in memory, 5,000 on each combination of SQLite or PostgreSQL, with flushes, and files or S3 | whatever was acknowledged and not deleted is wholly there; at rest nothing else is, in database or store; the running totals are right |
| `console` | every page of the console, found by its links, over 1,000,000 artifacts and 10,000 namespaces, twenty times | a page weighs at most 60 kB with style and script, and takes at most 50 ms of the processor |
| `kill` | three replicas behind a load balancer, 30 clients that push and 30 that pull; every second one replica dies by SIGKILL and starts again | no acknowledged image is lost, no byte is wrong, clients see nothing but what they try again |
| `outage` | PostgreSQL and the store stopped, killed, paused and cut off under two replicas | 503 with `Retry-After`, readiness that says why, full service after, nothing half-done |
| `chunks` | one blob of 1 GiB in 100 chunks, each to another replica | nothing is read again but tails shorter than a part; memory does not grow with the blob |
| `protocol` | every test of the protocol, on PostgreSQL and S3 | as on SQLite and files |
| `logins` | 500 logins a second with wrong passwords, by names, addresses and ways to log in that change, beside 200 pulls a second with tokens, in turns with as long without them | at most 20 passwords are hashed in any second; everybody else is told when to try again; the 99th percentile of the pulls is at most 1.3 times what it is without; whoever has the right password gets in |
| `people` | a registry of 10,000 accounts with 50,000 namespaces, 100,000 people and 1,000,000 grants beside one of a hundredth | no login, list or search reads or takes more than its limit |
| `quota` | a thousand pushes of small images to one account, by many clients at once, without a quota, with one, and with one for the namespace, too | at most 1.2 times the processor time and the statements; in the end what is used is the sum of what is there |
| `retention` | a policy over 1,000,000 artifacts of one namespace beside one over a hundredth: a dry run, runs that are stopped, in turns with pushes and without, and one in the middle of which the server is killed | as many rows are read for each artifact, and no more memory is needed; pushes beside a run need at most 1.2 times the processor time, and wait for no locks; in the end exactly what the model keeps is there |
| `retention-properties` | 10,000 random repositories with random rules | the planner decides what a plain model decides; nothing that a rule keeps goes, nor what it holds |
| `scale` | a registry of 1,000,000 manifests beside one of a hundredth | no request reads or takes more than its limit |
| `sigkill` | one server killed at random moments of pushes | every acknowledged image survives |
| `sink` | pushes of an account by eight clients at once, in turns with a sink that takes everything and never answers, and without it | at least 0.95 times the pushes in a second; memory does not grow |

| date | soak | commit | done | seed | outcome | machine |
| --- | --- | --- | --- | --- | --- | --- |
";

/// Adds a row to `docs/reference/soak.md`.
pub(super) async fn add(soak: &Soak, progress: &Progress, outcome: &str) -> anyhow::Result<()> {
    let file = workspace::root().join("docs/reference/soak.md");
    let mut text = if file.exists() {
        std::fs::read_to_string(&file)?
    } else {
        HEADER.to_owned()
    };
    let date = today().await?;
    writeln!(
        text,
        "| {} | {} | {} | {} of {} | {} | {outcome} | {} |",
        date,
        soak.name,
        commit().await?,
        progress.done,
        soak.total,
        progress.seed,
        machine()?,
    )?;
    std::fs::write(&file, text)?;
    println!("{}: {outcome}, noted in docs/reference/soak.md", soak.name);
    Ok(())
}

/// The commit that was run, marked when the checkout had changes beside it.
async fn commit() -> anyhow::Result<String> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root())
        .args(["describe", "--always", "--dirty", "--exclude=*"]);
    Ok(output_of(&mut git).await?.trim().to_owned())
}

fn machine() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let total_kib: u64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("/proc/meminfo has no MemTotal")?;
    Ok(format!(
        "{cores} cores, {} GiB",
        total_kib.div_ceil(1024 * 1024)
    ))
}

/// Puts a table into `docs/reference/scale.md`, in place of the one with this title.
pub(super) async fn tabulate(title: &str, table: &str) -> anyhow::Result<()> {
    let file = workspace::root().join("docs/reference/scale.md");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let (date, commit, machine) = (today().await?, commit().await?, machine()?);
    let body = format!("{date}, commit {commit}, {machine}.\n\n{table}");
    std::fs::write(&file, with_section(&text, title, &body))?;
    Ok(())
}

async fn today() -> anyhow::Result<String> {
    let date = output_of(Command::new("date").args(["--utc", "+%Y-%m-%d"])).await?;
    Ok(date.trim().to_owned())
}

/// The document with this text under the heading, in place of what is there.
fn with_section(document: &str, title: &str, body: &str) -> String {
    let heading = format!("## {title}\n");
    let (before, after) = document.split_once(&heading).unwrap_or((document, ""));
    let after = after.find("\n## ").map_or("", |at| &after[at + 1..]);
    let (before, body) = (before.trim_end(), body.trim_end());
    format!("{before}\n\n{heading}\n{body}\n\n{after}")
        .trim_end()
        .to_owned()
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_put_in_place_of_the_one_before() {
        let document = with_section("# Scale\n\nWords.\n", "One", "a\n");
        let document = with_section(&document, "Two", "b\n");
        assert_eq!(
            document,
            "# Scale\n\nWords.\n\n## One\n\na\n\n## Two\n\nb\n"
        );
        let document = with_section(&document, "One", "c");
        assert_eq!(
            document,
            "# Scale\n\nWords.\n\n## One\n\nc\n\n## Two\n\nb\n"
        );
    }
}
