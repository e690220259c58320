//! Filling a registry's database and store by hand, a thousand times faster than by pushing. It writes what the program
//! itself would have written, and has the program look at it afterwards; a change of the schema that it does not know is
//! found that way.

mod deleted;
mod files;
mod postgres;
mod rows;
mod sqlite;

use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::shape::{Repository, Size};
pub(super) use files::Files;
pub(super) use postgres::PostgresSeed;
pub(super) use sqlite::SqliteSeed;

/// A value of a row.
pub(super) enum Value<'a> {
    Text(&'a str),
    Int(u64),
    Null,
}

impl<'a> Value<'a> {
    fn of(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// A table that is filled, and those of its columns that have no default.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// In an order in which rows only refer to tables before.
pub(super) const TABLES: &[Table] = &[
    ACCOUNTS,
    ACCOUNT_USAGE,
    NAMESPACES,
    NAMESPACE_CLAIMS,
    REPOSITORIES,
    BLOBS,
    REPOSITORY_BLOBS,
    MANIFESTS,
    MANIFEST_BLOBS,
    MANIFEST_CHILDREN,
    TAGS,
    ACCOUNT_BLOBS,
    EVENTS,
    UPLOADS,
    PASSES,
    TRASH,
    TRASH_BLOBS,
    REPOSITORY_BLOB_REVIEWS,
];

macro_rules! tables {
    ($($constant:ident $name:literal: $($column:literal)*;)*) => {
        $(const $constant: Table = Table { name: $name, columns: &[$($column),*] };)*
    };
}
tables! {
    ACCOUNTS "accounts": "id" "name" "state" "creates_namespaces_on_push" "created_at_ms";
    ACCOUNT_USAGE "account_usage": "account_id" "used_bytes";
    NAMESPACES "namespaces": "id" "account_id" "name" "is_public" "created_at_ms";
    NAMESPACE_CLAIMS "namespace_claims": "name" "account_id" "namespace_id";
    REPOSITORIES "repositories": "id" "account_id" "namespace_id" "name" "is_listed" "created_at_ms";
    BLOBS "blobs": "storage" "digest" "size_bytes" "location" "created_at_ms";
    REPOSITORY_BLOBS "repository_blobs": "repository_id" "digest" "account_id" "storage" "renewed_at_ms";
    MANIFESTS "manifests": "id" "account_id" "repository_id" "digest" "media_type" "artifact_type" "subject_digest"
        "annotations" "size_bytes" "content" "created_at_ms";
    MANIFEST_BLOBS "manifest_blobs": "manifest_id" "digest" "storage" "repository_id";
    MANIFEST_CHILDREN "manifest_children": "manifest_id" "digest" "repository_id";
    TAGS "tags": "repository_id" "name" "manifest_id" "account_id" "created_at_ms" "updated_at_ms";
    ACCOUNT_BLOBS "account_blobs": "account_id" "digest" "size_bytes" "reference_count";
    EVENTS "events": "id" "account_id" "kind" "caller" "credential" "address" "payload" "at_ms";
    UPLOADS "uploads": "id" "account_id" "repository_id" "caller" "state" "algorithm" "offset_bytes" "hash_state" "parts"
        "digest" "lease_until_ms" "fence" "created_at_ms" "expires_at_ms";
    PASSES "passes": "name" "position" "started_at_ms" "finished_at_ms" "checked" "checked_bytes" "problems";
    TRASH "trash": "id" "account_id" "repository_id" "digest" "media_type" "content" "tags" "deleted_by"
        "deleted_at_ms" "purge_at_ms";
    TRASH_BLOBS "trash_blobs": "trash_id" "digest" "storage";
    REPOSITORY_BLOB_REVIEWS "repository_blob_reviews": "repository_id" "digest" "storage" "due_at_ms";
}

/// Takes rows for one database.
pub(super) trait Sink {
    fn row(&mut self, table: &Table, values: &[Value<'_>]) -> anyhow::Result<()>;
}

/// A database to be filled.
pub(super) trait Seed {
    /// The one cell that a question answers.
    fn ask(&self, sql: &str) -> anyhow::Result<String>;
    /// Statements that change something besides.
    fn run(&self, sql: &str) -> anyhow::Result<()>;
    /// Everything that `write` gives, in one transaction or none: until it is through, the database is of no use.
    fn fill(
        &self,
        write: &mut dyn FnMut(&mut dyn Sink) -> anyhow::Result<()>,
    ) -> anyhow::Result<()>;
}

/// What the first start made.
pub(super) struct Begun {
    account: String,
}

impl Begun {
    fn find(seed: &dyn Seed) -> anyhow::Result<Self> {
        let account = seed.ask("SELECT id FROM accounts WHERE name = 'default'")?;
        anyhow::ensure!(!account.is_empty(), "the registry has never been started");
        Ok(Self { account })
    }
}

/// Fills an empty registry, which was started once and does not run.
pub(super) fn fill(seed: &dyn Seed, store: &Path, size: Size, what: &str) -> anyhow::Result<()> {
    let all: Vec<Repository> = size.all().collect();
    fill_with(seed, store, (size, &all), what)
}

/// The same with these repositories, which are as many as the size says.
pub(super) fn fill_with(
    seed: &dyn Seed,
    store: &Path,
    (size, repositories): (Size, &[Repository]),
    what: &str,
) -> anyhow::Result<()> {
    let begun = Begun::find(seed)?;
    let bar = progress(size.manifests, what);
    let files = Files::start(store)?;
    let mut used = 0;
    seed.fill(&mut |sink| {
        used = rows::write_all(&begun, (size, repositories), sink, &files, &bar)?;
        bar.set_message("indexes");
        Ok(())
    })
    .with_context(|| format!("cannot fill {what}"))?;
    let account = &begun.account;
    seed.run(&format!(
        "UPDATE account_usage SET used_bytes = {used} WHERE account_id = '{account}'"
    ))?;
    bar.set_message("writing back");
    files.finish()?;
    bar.finish_and_clear();
    Ok(())
}

/// Adds images that were deleted and whose time is over: `numbers`, which no earlier call had. Everything that the
/// collector does is due at once.
pub(super) fn add_deleted(
    seed: &dyn Seed,
    store: &Path,
    size: Size,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<()> {
    let begun = Begun::find(seed)?;
    let files = Files::start(store)?;
    seed.fill(&mut |sink| deleted::write_deleted(&begun, size, numbers.clone(), sink, &files))
        .context("cannot add deleted images")?;
    seed.run(
        "UPDATE schedules SET next_run_at_ms = 0 \
         WHERE kind IN ('purge_trash', 'collect_garbage', 'delete_objects')",
    )?;
    files.finish()
}

fn progress(manifests: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(manifests);
    let template = "{prefix} [{bar:40}] {human_pos} of {human_len} manifests, {eta} to go {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_prefix(what.to_owned())
}
