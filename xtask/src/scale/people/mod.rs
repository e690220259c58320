//! Many customers beside a hundredth of them: whoever logs in, or looks around in an account, costs the same in both.

mod asking;
mod crowd;

use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use engines::Postgres;

use super::Database;
use super::registry::{Place, Registry};
use super::report::{Row, Sample};
pub(super) use asking::{Asked, Asking};
pub(super) use crowd::Crowd;

const ROUNDS: u64 = 5;

/// Fills a small and a large registry on this database, and measures everything on both.
pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    large: Crowd,
) -> anyhow::Result<Vec<Row>> {
    let small = Crowd {
        accounts: large.accounts / 100,
    };
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(
            Postgres::builder()
                .setting("shared_buffers", "512MB")
                .setting("max_wal_size", "16GB")
                .start()?,
        ),
    };
    let mut both = Vec::new();
    for (name, crowd) in [("small", small), ("large", large)] {
        let data = root.join(format!("people-{database:?}-{name}").to_lowercase());
        let postgres = postgres.as_ref().map(|server| (server, name));
        let place = Place::make(server, data, postgres)?;
        let begun = Instant::now();
        make(&place, crowd)?;
        println!(
            "{}, {name}: {} in {:.0} s",
            database.title(),
            crowd.describe(),
            begun.elapsed().as_secs_f64()
        );
        both.push((place, crowd));
    }
    let Ok([small, large]) = <[_; 2]>::try_from(both) else {
        bail!("there are two registries");
    };
    measure(&[small, large])
}

/// Lets the program make its database, and fills it.
pub(super) fn make(place: &Place<'_>, crowd: Crowd) -> anyhow::Result<()> {
    Registry::start(place, &[])?.stop()?;
    crowd.fill(&*place.seed())
}

/// Both in turn, round by round.
fn measure(both: &[(Place<'_>, Crowd); 2]) -> anyhow::Result<Vec<Row>> {
    let small = both[0].1;
    let mut running = Vec::new();
    for (place, crowd) in both {
        let registry = Registry::start(place, &[])?;
        let mut asking = Asking::new(*crowd, small, &registry)?;
        for asked in Asked::ALL {
            asking.ask(asked)?;
        }
        running.push((registry, asking));
    }
    let mut samples = Asked::ALL.map(|_| [Sample::default(), Sample::default()]);
    for round in 0..ROUNDS {
        for (asked, samples) in Asked::ALL.into_iter().zip(&mut samples) {
            let mut turns: Vec<_> = running.iter_mut().zip(samples).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for ((registry, asking), sample) in turns {
                ask(registry, asking, asked, sample)?;
            }
        }
    }
    for (registry, _) in running {
        registry.stop()?;
    }
    let titled = Asked::ALL.into_iter().zip(samples);
    Ok(titled
        .map(|(asked, [small, large])| Row {
            title: asked.title().to_owned(),
            small,
            large,
        })
        .collect())
}

fn ask(
    registry: &Registry<'_>,
    asking: &mut Asking,
    asked: Asked,
    sample: &mut Sample,
) -> anyhow::Result<()> {
    let (cpu, rows) = (registry.cpu(), registry.rows_read()?);
    let mut times = Vec::new();
    for _ in 0..asked.count() {
        times.push(asking.ask(asked)?);
    }
    sample.cpu += registry.cpu().saturating_sub(cpu);
    sample.rows.push(registry.rows_read()?.since(&rows));
    sample.rows_of = asked.count();
    sample.count += asked.count();
    times.sort_unstable();
    sample.times.extend(times.get(times.len() / 2));
    Ok(())
}
