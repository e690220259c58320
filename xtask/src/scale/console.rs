//! The console over a large registry: what each of its pages weighs, how many statements it needs, and how much of the processor.
//!
//! Pages are found by following links from the first one, as people do; of each kind two are measured at most.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use engines::Postgres;

use super::client::Client;
use super::registry::{PASSWORD, Place, Registry};
use super::shape::Size;
use super::{Database, make};

/// Namespaces besides those with something in them.
const NAMESPACES: u64 = 10_000;
/// How often each page is asked for.
const TIMES: u32 = 20;
/// How often its statements are counted.
const TRIES: u32 = 8;
/// Pages of one kind that are measured.
const EACH: usize = 2;
/// Pages in all, in case they never end.
const MOST: usize = 400;
/// What a page may weigh on a first visit, with its style and script, in bytes.
const MOST_BYTES: usize = 60_000;
/// What it may take of the processor, of the registry's and the database's.
const MOST_CPU: Duration = Duration::from_millis(50);

/// A page that was measured.
struct Seen {
    kind: String,
    bytes: usize,
    statements: u64,
    cpu: Duration,
    time: Duration,
}

/// A connection of somebody who has signed in.
fn sign_in(registry: &Registry<'_>) -> anyhow::Result<Client> {
    let mut visitor = Client::connect(registry.address(), "")?;
    let form = format!("name=admin&password={PASSWORD}");
    let kind = "application/x-www-form-urlencoded";
    let entered = visitor.send("POST", "/console/sign-in", kind, form.as_bytes())?;
    let cookie = entered.expect(303, "signing in")?.cookie;
    visitor.cookie = cookie.context("signing in gave no cookie")?;
    Ok(visitor)
}

/// Fills a registry on this database and measures every page. Answers with a table, and with what is beyond its limit.
pub(super) fn run(
    server: &Path,
    root: &Path,
    database: Database,
    manifests: u64,
) -> anyhow::Result<(String, Vec<String>)> {
    let postgres = match database {
        Database::Sqlite => None,
        Database::Postgresql => Some(
            Postgres::builder()
                .setting("shared_buffers", "512MB")
                .setting("max_wal_size", "16GB")
                .start()?,
        ),
    };
    let data = root.join(format!("console-{database:?}").to_lowercase());
    let place = Place::make(server, data, postgres.as_ref().map(|one| (one, "console")))?;
    println!("{}", make(&place, Size { manifests }, database.title())?);
    for sql in namespaces() {
        place.seed().run(&sql)?;
    }
    place.seed().run("ANALYZE")?;
    let registry = Registry::start(&place, &[])?;
    let seen = visit_all(&registry)?;
    registry.stop()?;
    Ok((table(&seen), faults(&seen)))
}

/// Namespaces by the thousand.
fn namespaces() -> Vec<String> {
    let account = "(SELECT id FROM accounts WHERE name = 'default')";
    let number = "substr('000000000000' || n.i, length('' || n.i) + 1)";
    let (id, name) = (
        format!("'0190bb0f-0000-7000-8000-' || {number}"),
        format!("'empty-' || {number}"),
    );
    let fill = |table: &str, columns: &str, values: &str| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {NAMESPACES}) \
             INSERT INTO {table} ({columns}) SELECT {values} FROM n"
        )
    };
    let all = format!("{id}, {account}, {name}, 0, 1");
    let claims = format!("{name}, {account}, {id}");
    vec![
        fill(
            "namespaces",
            "id, account_id, name, is_public, created_at_ms",
            &all,
        ),
        fill(
            "namespace_claims",
            "name, account_id, namespace_id",
            &claims,
        ),
    ]
}

/// Follows the links.
fn visit_all(registry: &Registry<'_>) -> anyhow::Result<Vec<Seen>> {
    let mut visitor = sign_in(registry)?;
    let (mut todo, mut met) = (vec!["/console".to_owned()], Vec::<String>::new());
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = Vec::new();
    let mut shared = None;
    while let Some(path) = todo.pop() {
        let kind = kind_of(&path);
        let count = kinds.entry(kind.clone()).or_default();
        if met.contains(&path) || *count >= EACH {
            continue;
        }
        met.push(path.clone());
        ensure!(met.len() <= MOST, "the console has no end: {kind}");
        *count += 1;
        let answer = visitor.get(&path)?;
        if let (303, Some(location)) = (answer.status, &answer.location) {
            todo.push(location.clone());
            continue;
        }
        let html = String::from_utf8(answer.expect(200, &path)?.body)?;
        if !html.starts_with("<!doctype html>") {
            continue;
        }
        let shared = match shared {
            Some(bytes) => bytes,
            None => *shared.insert(weigh_assets(&mut visitor, &html)?),
        };
        todo.extend(links(&html));
        seen.push(measure(
            registry,
            &mut visitor,
            (kind, &path),
            shared + html.len(),
        )?);
    }
    if seen.is_empty() {
        bail!("the console has no pages");
    }
    seen.sort_by(|one, other| one.kind.cmp(&other.kind));
    Ok(seen)
}

fn measure(
    registry: &Registry<'_>,
    visitor: &mut Client,
    (kind, path): (String, &str),
    bytes: usize,
) -> anyhow::Result<Seen> {
    const STATEMENTS: &str = "roadstead_database_statements_total";
    // The registry may be about something of its own: what the page asks is the least.
    let mut statements = u64::MAX;
    for _ in 0..TRIES {
        let before = registry.counter(STATEMENTS)?;
        visitor.get(path)?.expect(200, path)?;
        statements = statements.min(registry.counter(STATEMENTS)? - before);
    }
    let (cpu, waited) = (registry.cpu(), visitor.waited);
    for _ in 0..TIMES {
        visitor.get(path)?.expect(200, path)?;
    }
    Ok(Seen {
        kind,
        bytes,
        statements,
        cpu: registry.cpu().saturating_sub(cpu) / TIMES,
        time: visitor.waited.saturating_sub(waited) / TIMES,
    })
}

/// What the style, the script and the icon weigh.
fn weigh_assets(visitor: &mut Client, html: &str) -> anyhow::Result<usize> {
    let mut assets = values(html, "href=\"/console/static/");
    assets.extend(values(html, "src=\"/console/static/"));
    assets.sort_unstable();
    assets.dedup();
    ensure!(assets.len() > 1, "the page has no style");
    let mut bytes = 0;
    for asset in assets {
        let path = format!("/console/static/{asset}");
        bytes += visitor.get(&path)?.expect(200, &path)?.body.len();
    }
    Ok(bytes)
}

/// Where a page's links lead, within the console.
fn links(html: &str) -> Vec<String> {
    let links = values(html, "href=\"/console");
    let links = links.into_iter().map(|rest| format!("/console{rest}"));
    let links = links.map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
    let aside = ["/console/static/", "/console/language", "/console/sign"];
    links
        .map(|link| link.split('#').next().unwrap_or_default().to_owned())
        .filter(|link| !aside.iter().any(|aside| link.starts_with(aside)))
        .collect()
}

fn values<'a>(html: &'a str, start: &str) -> Vec<&'a str> {
    let rests = html.split(start).skip(1);
    rests.filter_map(|rest| rest.split('"').next()).collect()
}

/// A page's kind: its path without names, which are what follows these words, or has a digit in it.
fn kind_of(path: &str) -> String {
    const BEFORE_NAMES: [&str; 4] = ["accounts", "namespaces", "repositories", "tags"];
    let path = path.split('?').next().unwrap_or_default();
    let mut kind = String::new();
    let mut before = "";
    for segment in path.split('/').skip(1) {
        let is_name =
            BEFORE_NAMES.contains(&before) || segment.contains(|one: char| one.is_ascii_digit());
        let _ = write!(kind, "/{}", if is_name { "…" } else { segment });
        before = if is_name { "" } else { segment };
    }
    kind
}

fn table(seen: &[Seen]) -> String {
    let mut text = String::from(
        "| page | kB with style and script | statements | CPU ms | ms |\n| --- | --: | --: | --: | --: |\n",
    );
    for page in seen {
        let kilobytes = page.bytes.div_ceil(100);
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let _ = writeln!(
            text,
            "| `{}` | {}.{} | {} | {:.1} | {:.1} |",
            page.kind,
            kilobytes / 10,
            kilobytes % 10,
            page.statements,
            ms(page.cpu),
            ms(page.time)
        );
    }
    text
}

fn faults(seen: &[Seen]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in seen {
        if page.bytes > MOST_BYTES {
            faults.push(format!("{} weighs {} bytes", page.kind, page.bytes));
        }
        if page.cpu > MOST_CPU {
            faults.push(format!(
                "{} takes {:?} of the processor",
                page.kind, page.cpu
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_apart_by_their_paths_without_names() {
        for (path, kind) in [
            ("/console", "/console"),
            ("/console/accounts/acme?x=1", "/console/accounts/…"),
            (
                "/console/accounts/acme/people/robots",
                "/console/accounts/…/people/robots",
            ),
            (
                "/console/accounts/a/repositories/b%2Fc/sha256:0a",
                "/console/accounts/…/repositories/…/…",
            ),
        ] {
            assert_eq!(kind_of(path), kind);
        }
    }
}
