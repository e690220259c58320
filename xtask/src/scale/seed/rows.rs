//! The rows themselves.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::{
    ACCOUNT_BLOBS, ACCOUNT_USAGE, ACCOUNTS, BLOBS, Begun, EVENTS, Files, MANIFEST_BLOBS,
    MANIFEST_CHILDREN, MANIFESTS, NAMESPACE_CLAIMS, NAMESPACES, PASSES, REPOSITORIES,
    REPOSITORY_BLOBS, Sink, TAGS, UPLOADS, Value,
};
use crate::scale::shape::{Blob, Manifest, OWN_TEAMS, Repository, SBOM, Size, TEAMS, team_name};

use Value::{Int, Null, Text};

pub(super) const SHARED: &str = "shared";
const DAY_MS: u64 = 86_400_000;
/// Uploads that ended within the last day.
const UPLOADS_A_DAY: u64 = 2000;

/// Kinds of identifiers that are made here.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Account = 1,
    Namespace,
    Repository,
    Blob,
    Manifest,
    Event,
    Trash,
    Upload,
    SharedBlob,
    DeletedBlob,
}

/// Looks like the program's own, and is none of them.
pub(super) fn id(kind: Kind, number: u64) -> String {
    format!("0190aa{:02x}-0000-7000-8000-{number:012x}", kind as u8)
}

pub(super) fn repository_id(repository: Repository) -> String {
    match repository {
        Repository::Ordinary(number) => id(Kind::Repository, number),
        Repository::Big => id(Kind::Repository, (1 << 48) - 1),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "rows say when they were made; this is no part of the product"
)]
pub(super) fn now_ms() -> anyhow::Result<u64> {
    Ok(u64::try_from(jiff::Timestamp::now().as_millisecond())?)
}

pub(super) fn days_ago_ms(days: u64) -> anyhow::Result<u64> {
    Ok(now_ms()? - DAY_MS * days)
}

/// Everything of a filled registry with these repositories. Answers with the bytes that the account `default` uses.
pub(super) fn write_all(
    begun: &Begun,
    (size, repositories): (Size, &[Repository]),
    sink: &mut dyn Sink,
    files: &Files,
    bar: &ProgressBar,
) -> anyhow::Result<u64> {
    let mut writer = Writer {
        begun,
        size,
        sink,
        files,
        at_ms: days_ago_ms(60)?,
        manifests: 0,
        blobs: 0,
        shared: HashMap::new(),
        used: HashMap::new(),
    };
    writer.accounts()?;
    writer.shared_blobs(repositories)?;
    for repository in repositories {
        writer.repository(*repository, bar)?;
    }
    writer.uploads(repositories)?;
    let used = writer.usage()?;
    let now = now_ms()?;
    // The daily proof of every account's usage reads everything by its nature; it has just been done.
    sink.row(
        &PASSES,
        &[
            Text("usage"),
            Text(""),
            Int(now),
            Int(now),
            Int(0),
            Int(0),
            Int(0),
        ],
    )?;
    Ok(used)
}

struct Writer<'s> {
    begun: &'s Begun,
    size: Size,
    sink: &'s mut dyn Sink,
    files: &'s Files,
    at_ms: u64,
    manifests: u64,
    blobs: u64,
    /// References to blobs of several repositories, by account and digest: their count and the blob's size.
    shared: HashMap<(String, String), (u64, u64)>,
    /// Bytes of all blobs by account.
    used: HashMap<String, u64>,
}

/// The account of a team.
pub(super) fn account_of(begun: &Begun, team: u64) -> String {
    if team < OWN_TEAMS {
        begun.account.clone()
    } else {
        id(Kind::Account, team)
    }
}

impl Writer<'_> {
    fn accounts(&mut self) -> anyhow::Result<()> {
        let at_ms = self.at_ms;
        for team in 0..TEAMS {
            let account = account_of(self.begun, team);
            let (name, namespace) = (team_name(team), id(Kind::Namespace, team));
            if team >= OWN_TEAMS {
                let name = format!("account-{team}");
                let values = [
                    Text(&account),
                    Text(&name),
                    Text("active"),
                    Int(0),
                    Int(at_ms),
                ];
                self.sink.row(&ACCOUNTS, &values)?;
            }
            let values = [
                Text(&namespace),
                Text(&account),
                Text(&name),
                Int(0),
                Int(at_ms),
            ];
            self.sink.row(&NAMESPACES, &values)?;
            let values = [Text(&name), Text(&account), Text(&namespace)];
            self.sink.row(&NAMESPACE_CLAIMS, &values)?;
        }
        Ok(())
    }

    fn shared_blobs(&mut self, repositories: &[Repository]) -> anyhow::Result<()> {
        let shared = repositories.iter().flat_map(|one| one.shared_blobs());
        let shared: BTreeMap<String, Blob> =
            shared.map(|blob| (blob.digest.clone(), blob)).collect();
        for (number, blob) in (0..).zip(shared.values()) {
            self.blob(blob, &id(Kind::SharedBlob, number))?;
        }
        Ok(())
    }

    fn blob(&mut self, blob: &Blob, location: &str) -> anyhow::Result<()> {
        write_blob(self.sink, self.files, blob, location, self.at_ms)
    }

    fn repository(&mut self, repository: Repository, bar: &ProgressBar) -> anyhow::Result<()> {
        let account = account_of(self.begun, repository.team());
        let (key, name) = (repository_id(repository), repository.name());
        let namespace = id(Kind::Namespace, repository.team());
        let at = Int(self.at_ms);
        let values = [
            Text(&key),
            Text(&account),
            Text(&namespace),
            Text(&name),
            Int(1),
            at,
        ];
        self.sink.row(&REPOSITORIES, &values)?;
        let own = repository.own_blobs(self.size);
        for blob in &own {
            self.blobs += 1;
            self.blob(blob, &id(Kind::Blob, self.blobs))?;
        }
        let shared = repository.shared_blobs();
        let mut known = [own, shared.clone()].concat();
        known.sort_unstable_by(|a, b| a.digest.cmp(&b.digest));
        for blob in &known {
            self.membership(&key, &account, &blob.digest)?;
        }
        let mut references: HashMap<&str, u64> = HashMap::new();
        let manifests = repository.manifests(self.size);
        for manifest in &manifests {
            self.manifest((&key, &account), &name, manifest)?;
            for blob in &manifest.blobs {
                *references.entry(&blob.digest).or_default() += 1;
            }
            bar.inc(1);
        }
        for blob in &known {
            let count = references.get(blob.digest.as_str()).copied();
            let count = count.with_context(|| format!("nothing refers to {}", blob.label))?;
            let is_shared = shared.iter().any(|one| one.digest == blob.digest);
            if is_shared {
                let key = (account.clone(), blob.digest.clone());
                self.shared.entry(key).or_insert((0, blob.size())).0 += count;
            } else {
                self.counted(&account, &blob.digest, blob.size(), count)?;
            }
        }
        Ok(())
    }

    fn membership(&mut self, key: &str, account: &str, digest: &str) -> anyhow::Result<()> {
        let at = Int(self.at_ms);
        let values = [Text(key), Text(digest), Text(account), Text(SHARED), at];
        self.sink.row(&REPOSITORY_BLOBS, &values)
    }

    fn counted(
        &mut self,
        account: &str,
        digest: &str,
        size: u64,
        count: u64,
    ) -> anyhow::Result<()> {
        *self.used.entry(account.to_owned()).or_default() += size;
        let values = [Text(account), Text(digest), Int(size), Int(count)];
        self.sink.row(&ACCOUNT_BLOBS, &values)
    }

    fn manifest(
        &mut self,
        (repository, account): (&str, &str),
        name: &str,
        manifest: &Manifest,
    ) -> anyhow::Result<()> {
        self.manifests += 1;
        let key = id(Kind::Manifest, self.manifests);
        let at_ms = self.at_ms + self.manifests;
        self.sink.row(
            &MANIFESTS,
            &[
                Text(&key),
                Text(account),
                Text(repository),
                Text(&manifest.digest),
                Text(manifest.media_type),
                if manifest.subject.is_some() {
                    Text(SBOM)
                } else {
                    Null
                },
                Value::of(manifest.subject.as_deref()),
                Value::of(manifest.annotations.as_deref()),
                Int(manifest.content.len() as u64),
                Text(&manifest.content),
                Int(at_ms),
            ],
        )?;
        for blob in &manifest.blobs {
            let values = [
                Text(&key),
                Text(&blob.digest),
                Text(SHARED),
                Text(repository),
            ];
            self.sink.row(&MANIFEST_BLOBS, &values)?;
        }
        for child in &manifest.children {
            self.sink.row(
                &MANIFEST_CHILDREN,
                &[Text(&key), Text(child), Text(repository)],
            )?;
        }
        for tag in &manifest.tags {
            let at = || Int(at_ms);
            let values = [
                Text(repository),
                Text(tag),
                Text(&key),
                Text(account),
                at(),
                at(),
            ];
            self.sink.row(&TAGS, &values)?;
        }
        self.event(account, name, manifest, at_ms)
    }

    fn event(
        &mut self,
        account: &str,
        name: &str,
        manifest: &Manifest,
        at_ms: u64,
    ) -> anyhow::Result<()> {
        let payload = serde_json::json!({
            "kind": "manifest.pushed",
            "repository": name,
            "digest": manifest.digest,
            "media_type": manifest.media_type,
            "tags": manifest.tags,
        });
        let (event, payload) = (id(Kind::Event, self.manifests), payload.to_string());
        self.sink.row(
            &EVENTS,
            &[
                Text(&event),
                Text(account),
                Text("manifest.pushed"),
                Text("admin"),
                Text("password"),
                Text("192.0.2.1"),
                Text(&payload),
                Int(at_ms),
            ],
        )
    }

    /// What the last day's pushes have left: as much of it as people push, however much is stored.
    fn uploads(&mut self, repositories: &[Repository]) -> anyhow::Result<()> {
        let now = now_ms()?;
        let blob = Blob::base(0);
        for (number, &repository) in (0..UPLOADS_A_DAY).zip(repositories.iter().cycle()) {
            let account = account_of(self.begun, repository.team());
            let values = [
                Text(&id(Kind::Upload, number)),
                Text(&account),
                Text(&repository_id(repository)),
                Text("user:admin"),
                Text("done"),
                Text("sha256"),
                Int(blob.size()),
                Text(""),
                Text(""),
                Text(&blob.digest),
                Int(0),
                Int(1),
                Int(now),
                Int(now + DAY_MS),
            ];
            self.sink.row(&UPLOADS, &values)?;
        }
        Ok(())
    }

    /// What is counted once for all repositories of an account, and the totals.
    fn usage(&mut self) -> anyhow::Result<u64> {
        for ((account, digest), (count, size)) in std::mem::take(&mut self.shared) {
            self.counted(&account, &digest, size, count)?;
        }
        let mut used = std::mem::take(&mut self.used);
        let own = used.remove(&self.begun.account).unwrap_or(0);
        for (account, used) in used {
            self.sink
                .row(&ACCOUNT_USAGE, &[Text(&account), Int(used)])?;
        }
        Ok(own)
    }
}

pub(super) fn write_blob(
    sink: &mut dyn Sink,
    files: &Files,
    blob: &Blob,
    location: &str,
    at_ms: u64,
) -> anyhow::Result<()> {
    files.write(location, &blob.label)?;
    let values = [
        Text(SHARED),
        Text(&blob.digest),
        Int(blob.size()),
        Text(location),
        Int(at_ms),
    ];
    sink.row(&BLOBS, &values)
}
