//! What was measured of retention runs, and whether it is what it must be.

use std::fmt::Write as _;

use super::{Kind, Measured, Whole, Window};

/// The large registry's run may read so many times the rows for each artifact, or have that much memory more, in bytes.
const MOST_ROWS: f64 = 1.3;
const MOST_MEMORY: u64 = 64 << 20;
/// What pushes may need beside a run, to what they need alone.
const MOST: f64 = 1.2;
/// Waits for locks in a thousand pushes that are no sign of anything.
const FEW_WAITS: f64 = 1.0;

/// A table and what is beyond its limit.
pub(super) fn of(measured: &Measured) -> (String, Vec<String>) {
    let (mut table, mut faults) = (String::new(), Vec::new());
    runs(measured, &mut table, &mut faults);
    pushes(measured, &mut table, &mut faults);
    let killed = &measured.killed;
    let _ = writeln!(
        table,
        "\nKilled with {} artifacts left to remove, the run went on and ended {:.0} s after the next start; {} artifacts were kept, \
         which are those that the model keeps.",
        killed.at,
        killed.took.as_secs_f64(),
        killed.kept
    );
    (table, faults)
}

fn runs(measured: &Measured, table: &mut String, faults: &mut Vec<String>) {
    table.push_str("| run | small | large | × |\n| --- | --: | --: | --: |\n");
    let (small, large) = (&measured.small, &measured.large);
    let most_large = large.memory.max(measured.killed.memory);
    let each = |total: f64, whole: &Whole| total / as_float(whole.artifacts.max(1));
    let rows = |whole: &Whole| each(as_float(whole.rows.total()), whole);
    let cpu_us = |whole: &Whole| each(whole.cpu.as_secs_f64() * 1e6, whole);
    let mib = |bytes: u64| as_float(bytes) / 1_048_576.0;
    let lines = [
        (
            "artifacts",
            as_float(small.artifacts),
            as_float(large.artifacts),
        ),
        ("rows read for each", rows(small), rows(large)),
        ("CPU for each, µs", cpu_us(small), cpu_us(large)),
        (
            "seconds",
            small.took.as_secs_f64(),
            large.took.as_secs_f64(),
        ),
        ("most memory, MiB", mib(small.memory), mib(most_large)),
    ];
    for (title, small, large) in lines {
        let ratio = large / small.max(1e-9);
        let _ = writeln!(table, "| {title} | {small:.1} | {large:.1} | {ratio:.2} |");
    }
    let ratio = rows(large) / rows(small).max(1e-9);
    if ratio > MOST_ROWS {
        faults.push(format!(
            "{ratio:.2} times the rows for each artifact, {MOST_ROWS} allowed"
        ));
    }
    let more = most_large.saturating_sub(small.memory);
    if more > MOST_MEMORY {
        faults.push(format!(
            "{:.0} MiB more memory, {:.0} allowed",
            mib(more),
            mib(MOST_MEMORY)
        ));
    }
}

fn pushes(measured: &Measured, table: &mut String, faults: &mut Vec<String>) {
    // One whose run ended early says nothing of a window.
    let windows = || measured.windows.iter().filter(|window| !window.is_last);
    let of = |kind: Kind, value: &dyn Fn(&Window) -> f64| {
        median(
            windows()
                .filter(|window| window.kind == kind)
                .map(value)
                .collect(),
        )
    };
    let cpu = |window: &Window| window.cpu.as_secs_f64() * 1000.0;
    let alone = |window: &Window| cpu(window) / as_float(window.pushed.count.max(1));
    let removal = of(Kind::Run, &|window| {
        cpu(window) / as_float(window.removed.max(1))
    });
    // What a removal needs is known from the windows without pushes.
    let beside = |window: &Window| {
        let pushes = cpu(window) - removal * as_float(window.removed);
        pushes / as_float(window.pushed.count.max(1))
    };
    let waits = |window: &Window| {
        as_float(window.lock_waits) * 1000.0 / as_float(window.pushed.count.max(1))
    };
    let time = |window: &Window| window.pushed.median_ms();
    let mut lines = vec![
        (
            "CPU of a push, ms",
            of(Kind::Pushes, &alone),
            of(Kind::Both, &beside),
        ),
        (
            "time of a push, ms",
            of(Kind::Pushes, &time),
            of(Kind::Both, &time),
        ),
    ];
    if measured.counts_locks {
        let title = "waits for locks in 1000 pushes";
        lines.push((title, of(Kind::Pushes, &waits), of(Kind::Both, &waits)));
    }
    table.push_str("\n| pushes | alone | beside a run | × |\n| --- | --: | --: | --: |\n");
    for (title, alone, beside) in &lines {
        let ratio = beside / alone.max(1e-9);
        let shown = if *alone > 0.0 {
            format!("{ratio:.2}")
        } else {
            "–".to_owned()
        };
        let _ = writeln!(table, "| {title} | {alone:.2} | {beside:.2} | {shown} |");
    }
    let _ = writeln!(
        table,
        "\nA removal needs {removal:.2} ms of processor time, with all that follows from it; {} windows.",
        windows().count()
    );
    if windows().filter(|window| window.kind == Kind::Both).count() == 0 {
        faults.push(
            "there were too few artifacts for a whole window with pushes and a run".to_owned(),
        );
        return;
    }
    beyond(&lines, faults);
}

/// Of processor time, and of waits for locks, if they are there as the third.
fn beyond(lines: &[(&str, f64, f64)], faults: &mut Vec<String>) {
    let (_, alone, beside) = lines[0];
    if beside > alone * MOST {
        let ratio = beside / alone.max(1e-9);
        faults.push(format!(
            "{ratio:.2} times the processor time of a push, {MOST} allowed"
        ));
    }
    if let Some((_, alone, beside)) = lines.get(2)
        && *beside > alone * MOST + FEW_WAITS
    {
        faults.push(format!(
            "{beside:.1} waits for locks in 1000 pushes, {alone:.1} without a run"
        ));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::pushes::Pushed;
    use super::super::{Counts, Killed};
    use super::*;

    fn window(kind: Kind, cpu_ms: u64, (pushes, removed, lock_waits): (u64, u64, u64)) -> Window {
        let pushed = Pushed {
            count: pushes,
            times: vec![Duration::from_millis(7)],
        };
        Window {
            kind,
            cpu: Duration::from_millis(cpu_ms),
            removed,
            pushed,
            lock_waits,
            is_last: false,
        }
    }

    fn whole(artifacts: u64, rows: u64, memory: u64) -> Whole {
        Whole {
            artifacts,
            rows: Counts::of_all(rows),
            took: Duration::from_secs(1),
            cpu: Duration::from_secs(1),
            memory,
        }
    }

    #[test]
    fn what_a_push_needs_beside_a_run_is_what_the_run_does_not() {
        let mut measured = Measured {
            small: whole(1000, 8000, 50 << 20),
            large: whole(100_000, 900_000, 90 << 20),
            windows: vec![
                window(Kind::Pushes, 1000, (100, 0, 0)),
                window(Kind::Run, 2000, (0, 4000, 0)),
                window(Kind::Both, 2100, (100, 2000, 0)),
            ],
            killed: Killed::default(),
            counts_locks: true,
        };
        let (table, faults) = of(&measured);
        assert_eq!(faults, [""; 0]);
        assert!(
            table.contains("| CPU of a push, ms | 10.00 | 11.00 | 1.10 |"),
            "{table}"
        );
        assert!(
            table.contains("| rows read for each | 8.0 | 9.0 | 1.12 |"),
            "{table}"
        );
        measured.windows[2] = window(Kind::Both, 2300, (100, 2000, 1));
        measured.killed.memory = 200 << 20;
        measured.large.rows = Counts::of_all(2_000_000);
        let (_, faults) = of(&measured);
        assert_eq!(faults.len(), 4, "{faults:?}");
    }
}
