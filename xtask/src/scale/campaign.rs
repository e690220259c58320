//! The measurements themselves: both registries in turn, round by round, so that whatever else the machine does meets both.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use engines::Postgres;

use super::operations::{Operation, Requests};
use super::registry::{Place, Registry, counted_before};
use super::report::{Row, Sample};
use super::shape::Size;
use super::{Database, make, seed};

const ROUNDS: u64 = 5;
/// Of the collection, which takes longer.
const COLLECTIONS: u64 = 3;
const DELETIONS: u64 = 10_000;
const TIME_TO_COLLECT: Duration = Duration::from_mins(8);
/// Memory for every manifest that is asked for: which of them a smaller one would keep is a matter of chance.
const ROOMY: &[(&str, &str)] = &[("ROADSTEAD_LIMITS__MANIFEST_CACHE_BYTES", "134217728")];
/// So that everything that is due is done at once.
const EAGER: &[(&str, &str)] = &[
    ("ROADSTEAD_GARBAGE_COLLECTION__GRACE_PERIOD_SECS", "1"),
    ("ROADSTEAD_GARBAGE_COLLECTION__INTERVAL_SECS", "1"),
    ("ROADSTEAD_GARBAGE_COLLECTION__RECOVERY_WINDOW_SECS", "0"),
    ("ROADSTEAD_UPLOADS__SWEEP_INTERVAL_SECS", "1"),
];

/// A registry and how full it is.
struct Filled<'s> {
    name: &'static str,
    place: Place<'s>,
    size: Size,
}

/// Fills a small and a large registry on this database, and measures everything on both.
pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    large: Size,
) -> anyhow::Result<Vec<Row>> {
    let small = Size {
        manifests: large.manifests / 100,
    };
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(
            Postgres::builder()
                .setting("shared_buffers", "512MB")
                .setting("maintenance_work_mem", "512MB")
                .setting("max_wal_size", "16GB")
                .start()?,
        ),
    };
    let mut both = Vec::new();
    for (name, size) in [("small", small), ("large", large)] {
        let data = root.join(format!("{database:?}-{name}").to_lowercase());
        let postgres = postgres.as_ref().map(|server| (server, name));
        let place = Place::make(server, data, postgres)?;
        let begun = Instant::now();
        let said = make(&place, size, &format!("{}, {name}", database.title()))?;
        println!(
            "{}, {name}: {} manifests in {:.0} s; {said}",
            database.title(),
            size.manifests,
            begun.elapsed().as_secs_f64()
        );
        both.push(Filled { name, place, size });
    }
    let Ok([small, large]) = <[Filled; 2]>::try_from(both) else {
        bail!("there are two registries");
    };
    let both = [small, large];
    let mut rows = vec![starts(&both)?];
    rows.extend(requests(&both)?);
    rows.push(collections(&both)?);
    for filled in &both {
        let said = filled.place.check()?;
        println!("{}, {}, afterwards: {said}", database.title(), filled.name);
    }
    Ok(rows)
}

fn row(title: &str, samples: [Sample; 2]) -> Row {
    println!("measured: {title}");
    let [small, large] = samples;
    Row {
        title: title.to_owned(),
        small,
        large,
    }
}

fn starts(both: &[Filled<'_>; 2]) -> anyhow::Result<Row> {
    let mut samples = [Sample::default(), Sample::default()];
    // The first start after filling is not counted.
    for round in 0..=ROUNDS {
        for (filled, sample) in both.iter().zip(&mut samples) {
            let (rows, cpu) = (counted_before(&filled.place)?, filled.place.database_cpu());
            let registry = Registry::start(&filled.place, &[])?;
            let (took, cpu) = (registry.start, registry.cpu().saturating_sub(cpu));
            let rows = registry.rows_read()?.since(&rows);
            registry.stop()?;
            if round > 0 {
                sample.count += 1;
                sample.times.push(took);
                sample.cpu += cpu;
                sample.rows.push(rows);
                sample.rows_of = 1;
            }
        }
    }
    Ok(row("start to ready", samples))
}

fn requests(both: &[Filled<'_>; 2]) -> anyhow::Result<Vec<Row>> {
    let small = both[0].size;
    let mut asked = Vec::new();
    for filled in both {
        let registry = Registry::start(&filled.place, ROOMY)?;
        let mut requests = Requests::new(filled.size, small, registry.client()?);
        for operation in Operation::ALL {
            for _ in 0..operation.warming(small) {
                requests.ask(operation)?;
            }
        }
        asked.push((registry, requests));
    }
    let mut samples = Operation::ALL.map(|_| [Sample::default(), Sample::default()]);
    for round in 0..ROUNDS {
        for (operation, samples) in Operation::ALL.into_iter().zip(&mut samples) {
            let mut turns: Vec<_> = asked.iter_mut().zip(samples).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for ((registry, requests), sample) in turns {
                time(
                    registry,
                    requests,
                    operation,
                    operation.count(small),
                    sample,
                )?;
            }
        }
    }
    let mut rows = Vec::new();
    for (operation, mut samples) in Operation::ALL.into_iter().zip(samples) {
        for ((registry, requests), sample) in asked.iter_mut().zip(&mut samples) {
            let before = registry.rows_read()?;
            sample.rows_of = operation.count(small);
            for _ in 0..sample.rows_of {
                requests.ask(operation)?;
            }
            sample.rows.push(registry.rows_read()?.since(&before));
        }
        rows.push(row(operation.title(), samples));
    }
    for (registry, _) in asked {
        registry.stop()?;
    }
    Ok(rows)
}

fn time(
    registry: &Registry<'_>,
    requests: &mut Requests,
    operation: Operation,
    count: u64,
    sample: &mut Sample,
) -> anyhow::Result<()> {
    let cpu = registry.cpu();
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(requests.ask(operation)?);
    }
    sample.cpu += registry.cpu().saturating_sub(cpu);
    sample.count += count;
    times.sort_unstable();
    sample.times.extend(times.get(times.len() / 2));
    Ok(())
}

fn collections(both: &[Filled<'_>; 2]) -> anyhow::Result<Row> {
    let deletions = DELETIONS.min(both[0].size.manifests);
    let mut samples = [Sample::default(), Sample::default()];
    for round in 0..COLLECTIONS {
        for (filled, sample) in both.iter().zip(&mut samples) {
            let Filled { place, size, .. } = filled;
            let numbers = round * deletions..(round + 1) * deletions;
            seed::add_deleted(&*place.seed(), &place.data, *size, numbers)?;
            collect(place, deletions, sample)?;
        }
    }
    Ok(row(
        &format!("collection of {deletions} deletions"),
        samples,
    ))
}

/// From the start of a registry that finds everything due, to the last file's end.
fn collect(place: &Place<'_>, deletions: u64, sample: &mut Sample) -> anyhow::Result<()> {
    let (rows, cpu) = (counted_before(place)?, place.database_cpu());
    let begun = Instant::now();
    let registry = Registry::start(place, EAGER)?;
    loop {
        let deleted = registry.counter("roadstead_garbage_deleted_objects_total")?;
        ensure!(
            deleted <= deletions,
            "{deleted} objects were deleted of {deletions}"
        );
        if deleted == deletions {
            break;
        }
        ensure!(
            begun.elapsed() < TIME_TO_COLLECT,
            "{deleted} of {deletions} objects are deleted after {TIME_TO_COLLECT:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    sample.times.push(begun.elapsed());
    sample.cpu += registry.cpu().saturating_sub(cpu);
    sample.rows.push(registry.rows_read()?.since(&rows));
    sample.count += 1;
    sample.rows_of = 1;
    registry.stop()
}
