//! The traffic of a production registry: a generator with the parameters fitted to the IBM Cloud registry's
//! published trace (FAST'18), and a reader of real URIs from it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::random::{Random, stable_hash};

/// Requests of each kind in a thousand. A pushed blob is POST, PATCH and PUT; a mount is one POST.
const MIX: [(Kind, u32); 7] = [
    (Kind::GetBlob, 310),
    (Kind::Ping, 281),
    (Kind::GetManifest, 200),
    (Kind::HeadBlob, 110),
    (Kind::PutManifest, 33),
    (Kind::PushBlob, 19),
    (Kind::MountBlob, 9),
];

/// Share of blobs up to a size in bytes.
const BLOB_SIZES: [(f64, f64); 26] = [
    (0.0, 32.0),
    (0.01, 32.0),
    (0.05, 131.0),
    (0.1, 181.0),
    (0.15, 304.0),
    (0.2, 489.0),
    (0.25, 1119.0),
    (0.3, 1584.0),
    (0.35, 3001.0),
    (0.4, 4963.0),
    (0.45, 6800.0),
    (0.5, 11498.0),
    (0.55, 33563.0),
    (0.6, 78728.0),
    (0.65, 645_015.0),
    (0.7, 2_092_316.0),
    (0.75, 3_346_037.0),
    (0.8, 9_388_981.0),
    (0.85, 22_538_113.0),
    (0.9, 32_618_692.0),
    (0.925, 51_481_838.0),
    (0.95, 54_405_073.0),
    (0.975, 86_903_451.0),
    (0.99, 117_907_225.0),
    (0.995, 136_718_768.0),
    (1.0, 690_363_128.0),
];

/// Share of all accesses that the first so many objects have.
const BLOB_POPULARITY: [(f64, f64); 17] = [
    (0.0, 0.0),
    (0.0184, 1.0),
    (0.0367, 2.0),
    (0.0716, 5.0),
    (0.113, 10.0),
    (0.1957, 20.0),
    (0.2542, 50.0),
    (0.3083, 100.0),
    (0.3406, 200.0),
    (0.3892, 500.0),
    (0.4255, 1000.0),
    (0.4596, 2000.0),
    (0.5183, 5000.0),
    (0.5805, 10_000.0),
    (0.6582, 20_000.0),
    (0.775, 50_000.0),
    (1.0, 108_325.0),
];
const MANIFEST_POPULARITY: [(f64, f64); 15] = [
    (0.0, 0.0),
    (0.0699, 1.0),
    (0.1238, 2.0),
    (0.267, 5.0),
    (0.4212, 10.0),
    (0.6319, 20.0),
    (0.7947, 50.0),
    (0.8378, 100.0),
    (0.8629, 200.0),
    (0.8864, 500.0),
    (0.9007, 1000.0),
    (0.9168, 2000.0),
    (0.9398, 5000.0),
    (0.9775, 10_000.0),
    (1.0, 12_988.0),
];
const REPOSITORY_POPULARITY: [(f64, f64); 14] = [
    (0.0, 0.0),
    (0.0773, 1.0),
    (0.1422, 2.0),
    (0.2083, 5.0),
    (0.2841, 10.0),
    (0.3758, 20.0),
    (0.4946, 50.0),
    (0.5737, 100.0),
    (0.6561, 200.0),
    (0.7567, 500.0),
    (0.8175, 1000.0),
    (0.8778, 2000.0),
    (0.9627, 5000.0),
    (1.0, 8881.0),
];

/// Above this, a blob's further bytes are divided by [`SCALE`], so that a small disk holds them.
const SCALED_ABOVE: u64 = 1_000_000;
/// See [`SCALED_ABOVE`].
pub(crate) const SCALE: u64 = 16;

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Ping,
    GetManifest,
    GetBlob,
    HeadBlob,
    PutManifest,
    PushBlob,
    MountBlob,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ping => "GET /v2/",
            Self::GetManifest => "GET manifest",
            Self::GetBlob => "GET blob",
            Self::HeadBlob => "HEAD blob",
            Self::PutManifest => "PUT manifest",
            Self::PushBlob => "push blob",
            Self::MountBlob => "mount blob",
        }
    }
}

/// One operation; `object` names a blob or a manifest and is its own number where nothing is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    pub kind: Kind,
    pub repository: String,
    pub object: u64,
}

/// `count` operations; the same seed gives the same ones.
pub(crate) fn generate(seed: u64, count: u64) -> Vec<Operation> {
    let mut random = Random::new(seed);
    (0..count).map(|number| draw(&mut random, number)).collect()
}

fn draw(random: &mut Random, number: u64) -> Operation {
    let total: u32 = MIX.iter().map(|(_, share)| share).sum();
    let mut drawn = random.below(u64::from(total));
    let kind = MIX
        .iter()
        .find_map(|(kind, share)| {
            let found = drawn < u64::from(*share);
            drawn = drawn.saturating_sub(u64::from(*share));
            found.then_some(*kind)
        })
        .unwrap_or(Kind::Ping);
    let object = match kind {
        Kind::GetBlob | Kind::HeadBlob | Kind::MountBlob => {
            rank(&BLOB_POPULARITY, random.fraction())
        }
        Kind::GetManifest => rank(&MANIFEST_POPULARITY, random.fraction()),
        Kind::Ping | Kind::PutManifest | Kind::PushBlob => number,
    };
    // A read object stays in one repository; what is written goes where repositories are popular.
    let repository = match kind {
        Kind::GetBlob | Kind::HeadBlob | Kind::GetManifest => {
            rank(&REPOSITORY_POPULARITY, Random::new(object).fraction())
        }
        _ => rank(&REPOSITORY_POPULARITY, random.fraction()),
    };
    Operation {
        kind,
        repository: format!("library/trace-{repository}"),
        object,
    }
}

/// The rank at a cumulative share: from 0, linear between the table's points.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks are small and positive"
)]
fn rank(table: &[(f64, f64)], share: f64) -> u64 {
    interpolate(table, share, |low, high, part| low + (high - low) * part) as u64
}

/// The size of a blob, unscaled: drawn by its number, so the same blob always has the same size.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are positive and below 2^53"
)]
pub(crate) fn blob_size(object: u64) -> u64 {
    let share = Random::new(object ^ 0x512e).fraction();
    interpolate(&BLOB_SIZES, share, |low, high, part| {
        low * (high / low).powf(part)
    }) as u64
}

/// What is stored for a blob of this size.
pub(crate) fn scaled(size: u64) -> u64 {
    if size <= SCALED_ABOVE {
        size
    } else {
        SCALED_ABOVE + (size - SCALED_ABOVE) / SCALE
    }
}

fn interpolate(table: &[(f64, f64)], share: f64, between: impl Fn(f64, f64, f64) -> f64) -> f64 {
    for pair in table.windows(2) {
        let [(start, low), (end, high)] = pair else {
            continue;
        };
        if share <= *end {
            return between(
                *low,
                *high,
                (share - start) / (end - start).max(f64::EPSILON),
            );
        }
    }
    table.last().map_or(0.0, |(_, last)| *last)
}

/// Real operations, and the sizes that the trace itself tells.
#[derive(Default)]
pub(crate) struct Recorded {
    pub operations: Vec<Operation>,
    pub sizes: HashMap<u64, u64>,
}

/// Reads the first `count` GETs of a trace: either one URI a line, or CSV with a header that names
/// `http.request.uri` (and perhaps `http.request.method` and `http.response.written`); `.zst` is unpacked by `zstd`.
pub(crate) fn read(path: &Path, count: u64) -> Result<Recorded> {
    let mut unpacking = None;
    let reader: Box<dyn BufRead> = if path.extension().is_some_and(|extension| extension == "zst") {
        let mut child = Command::new("zstd")
            .arg("-dc")
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run zstd; install it, or unpack the trace first")?;
        let output = child.stdout.take().context("zstd without output")?;
        unpacking = Some(child);
        Box::new(BufReader::new(output))
    } else {
        Box::new(BufReader::new(
            std::fs::File::open(path).with_context(|| path.display().to_string())?,
        ))
    };
    let recorded = parse(reader, count);
    if let Some(mut child) = unpacking {
        // It may still be writing what wasn't wanted.
        let _ = child.kill();
        child.wait()?;
    }
    let recorded = recorded?;
    ensure!(
        !recorded.operations.is_empty(),
        "{} holds no GET of /v2/, a manifest or a blob",
        path.display()
    );
    Ok(recorded)
}

fn parse(reader: impl BufRead, count: u64) -> Result<Recorded> {
    let mut recorded = Recorded::default();
    let mut columns: Option<HashMap<String, usize>> = None;
    for line in reader.lines() {
        let line = line?;
        if recorded.operations.len() as u64 >= count {
            break;
        }
        if line.contains("http.request.uri") {
            columns = Some(
                line.split(',')
                    .enumerate()
                    .map(|(at, name)| (name.to_owned(), at))
                    .collect(),
            );
            continue;
        }
        let fields: Vec<&str> = line.split(',').collect();
        let field = |name: &str| fields.get(*columns.as_ref()?.get(name)?).copied();
        if field("http.request.method").is_some_and(|method| method != "GET") {
            continue;
        }
        let uri = field("http.request.uri").unwrap_or(&line);
        let Some(operation) = operation_of(uri) else {
            continue;
        };
        if let Some(size) = field("http.response.written").and_then(|size| size.parse::<f64>().ok())
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a size in bytes"
            )]
            recorded.sizes.insert(operation.object, size as u64);
        }
        recorded.operations.push(operation);
    }
    Ok(recorded)
}

/// `v2`, or `v2/<tenant>/<repository>/(manifests|blobs)/<id>`; the names become one of ours.
fn operation_of(uri: &str) -> Option<Operation> {
    let mut parts = uri.trim_matches('/').split('/');
    if parts.next()? != "v2" {
        return None;
    }
    let rest: Vec<&str> = parts.collect();
    let (kind, id) = match rest.as_slice() {
        [] => {
            return Some(Operation {
                kind: Kind::Ping,
                repository: "library/trace".to_owned(),
                object: 0,
            });
        }
        [.., "manifests", id] => (Kind::GetManifest, *id),
        [.., "blobs", id] => (Kind::GetBlob, *id),
        _ => return None,
    };
    let name = rest[..rest.len() - 2].join("/");
    if name.is_empty() {
        return None;
    }
    // A manifest's id is a tag's, the same in many repositories: the name belongs to what is stored.
    let object = if kind == Kind::GetManifest {
        stable_hash(&format!("{name}:{id}"))
    } else {
        stable_hash(id)
    };
    Some(Operation {
        kind,
        repository: format!("library/{:016x}", stable_hash(&name)),
        object,
    })
}

#[cfg(test)]
mod tests;
