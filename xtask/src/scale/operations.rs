//! What is asked of a registry. A small and a large one are asked for equally many different things, which lie far apart
//! in both, so that whatever a cache holds of them is the same.

use anyhow::{Context as _, ensure};

use super::client::{Answer, Client};
use super::image;
use super::shape::{IMAGES, Repository, Size, digest};

/// Images that are read, by their number in the repository; those after are deleted.
const READ: u64 = IMAGES / 2;
/// Entries of a page of tags, and of one of the catalogue, if a small registry has so many in each half.
const TAGS: u64 = 100;
const CATALOG: usize = 20;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    HeadByTag,
    GetByTag,
    GetByDigest,
    FirstTags,
    LastTags,
    MiddleOfCatalog,
    EndOfCatalog,
    Referrers,
    Push,
    DeleteTag,
    DeleteManifest,
}

impl Operation {
    pub(super) const ALL: [Self; 11] = [
        Self::HeadByTag,
        Self::GetByTag,
        Self::GetByDigest,
        Self::FirstTags,
        Self::LastTags,
        Self::MiddleOfCatalog,
        Self::EndOfCatalog,
        Self::Referrers,
        Self::Push,
        Self::DeleteTag,
        Self::DeleteManifest,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::HeadByTag => "HEAD manifest by tag",
            Self::GetByTag => "GET manifest by tag, of the repository with most tags",
            Self::GetByDigest => "GET manifest by digest",
            Self::FirstTags => "first page of the tags, n=100",
            Self::LastTags => "last page of the tags, n=100",
            Self::MiddleOfCatalog => "page in the middle of the catalogue, n=20",
            Self::EndOfCatalog => "last page of the catalogue, n=20",
            Self::Referrers => "referrers of an image, 10",
            Self::Push => "push of an image with one layer",
            Self::DeleteTag => "delete a tag, of the repository with most tags",
            Self::DeleteManifest => "delete a manifest",
        }
    }

    /// Requests of this kind in one round, when the small registry has so much that none is asked for twice.
    pub(super) fn count(self, small: Size) -> u64 {
        let count = match self {
            Self::HeadByTag | Self::GetByTag | Self::GetByDigest => 400,
            Self::Referrers | Self::FirstTags | Self::LastTags => 200,
            Self::MiddleOfCatalog | Self::EndOfCatalog => 100,
            // Processor time comes in hundredths of a second: many that cost little make a figure.
            Self::DeleteTag => 75,
            Self::Push | Self::DeleteManifest => 40,
        };
        (count * small.manifests / 10_000).clamp(4, count)
    }

    /// Requests before anything is measured. Tags of the big repository lie in as many pages as there are tags that are
    /// asked for: all are read once, so that what is compared is the registry's work and not the disk's.
    pub(super) fn warming(self, small: Size) -> u64 {
        match self {
            Self::GetByTag => different_tags(small),
            _ => 3,
        }
    }
}

/// Tags of the big repository that are read.
fn different_tags(small: Size) -> u64 {
    small.big_tags() / 4
}

/// Asks a registry of this size.
pub(super) struct Requests {
    size: Size,
    /// As many as the small registry has, from everywhere.
    own: Vec<Repository>,
    /// Tags of the big repository for each of the small one's.
    tags_apart: u64,
    /// Those of them that are read.
    different_tags: u64,
    /// All names that `admin` sees, in their order.
    catalog: Vec<String>,
    /// Entries of a page.
    tags_page: u64,
    catalog_page: usize,
    client: Client,
    /// How often each kind was asked.
    asked: [u64; Operation::ALL.len()],
}

impl Requests {
    /// Asks for pages that the small registry can fill, too.
    pub(super) fn new(size: Size, small: Size, client: Client) -> Self {
        let all = size.own();
        let apart = all.len() / small.own().len().max(1);
        let mut catalog: Vec<String> = all.iter().map(|one| one.name()).collect();
        catalog.push(Repository::Big.name());
        catalog.sort_unstable();
        Self {
            size,
            own: all.into_iter().step_by(apart.max(1)).collect(),
            tags_apart: size.big_tags() / small.big_tags(),
            different_tags: different_tags(small),
            catalog,
            tags_page: TAGS.min(small.big_tags() / 4),
            catalog_page: CATALOG.min(small.own().len() / 3),
            client,
            asked: [0; Operation::ALL.len()],
        }
    }

    /// Asks once, and answers with the time that was waited.
    pub(super) fn ask(&mut self, operation: Operation) -> anyhow::Result<std::time::Duration> {
        let kind = Operation::ALL.iter().position(|one| *one == operation);
        let asked = &mut self.asked[kind.unwrap_or(0)];
        let number = *asked;
        *asked += 1;
        let before = self.client.waited;
        self.run(operation, number)
            .with_context(|| format!("{}, number {number}", operation.title()))?;
        Ok(self.client.waited.saturating_sub(before))
    }

    /// An own repository, far from the one before, and how often all of them had their turn.
    fn repository(&self, number: u64) -> (Repository, u64) {
        const STRIDE: u64 = 7919;
        let count = self.own.len() as u64;
        let at = (number * STRIDE) % count;
        (self.own[usize::try_from(at).unwrap_or(0)], number / count)
    }

    fn run(&mut self, operation: Operation, number: u64) -> anyhow::Result<()> {
        let big = Repository::Big.name();
        match operation {
            Operation::HeadByTag => {
                let (repository, turn) = self.repository(number);
                let tag = Repository::image_tag(turn % READ);
                let path = format!("/v2/{}/manifests/{tag}", repository.name());
                self.client
                    .send("HEAD", &path, "", b"")?
                    .expect(200, "HEAD")?;
            }
            Operation::GetByTag => {
                let different = self.different_tags;
                let tag = Repository::big_tag((number * 7919) % different * self.tags_apart);
                let answer = self.client.get(&format!("/v2/{big}/manifests/{tag}"))?;
                answer.expect(200, "GET")?;
            }
            Operation::GetByDigest => {
                let (repository, turn) = self.repository(number);
                let wanted = repository.image(self.size, turn % READ).digest;
                let path = format!("/v2/{}/manifests/{wanted}", repository.name());
                let answer = self.client.get(&path)?.expect(200, "GET")?;
                ensure!(digest(&answer.body) == wanted, "{path}: other bytes");
            }
            Operation::FirstTags => {
                let page = self.tags_page;
                let path = format!("/v2/{big}/tags/list?n={page}");
                expect_list(&self.client.get(&path)?, "tags", page)?;
            }
            Operation::LastTags => {
                let page = self.tags_page;
                let last = Repository::big_tag(self.size.big_tags() - page - 1);
                let path = format!("/v2/{big}/tags/list?n={page}&last={last}");
                expect_list(&self.client.get(&path)?, "tags", page)?;
            }
            Operation::MiddleOfCatalog => self.catalog(self.catalog.len() / 2)?,
            Operation::EndOfCatalog => self.catalog(self.catalog.len() - self.catalog_page)?,
            Operation::Referrers => {
                let (repository, _) = self.repository(number);
                let subject = repository.image(self.size, 0).digest;
                let path = format!("/v2/{}/referrers/{subject}", repository.name());
                expect_list(&self.client.get(&path)?, "manifests", 10)?;
            }
            Operation::Push => {
                let (repository, _) = self.repository(number);
                let label = format!("pushed-{number}");
                image::push(&mut self.client, &repository.name(), &label)?;
            }
            Operation::DeleteTag => {
                // Those after the ones that are read, and before those of the last page.
                let tag = Repository::big_tag((self.different_tags + number) * self.tags_apart);
                self.delete(&format!("/v2/{big}/manifests/{tag}"))?;
            }
            Operation::DeleteManifest => {
                let (repository, turn) = self.repository(number);
                ensure!(READ + turn < IMAGES, "all images are deleted");
                let wanted = repository.image(self.size, READ + turn).digest;
                self.delete(&format!("/v2/{}/manifests/{wanted}", repository.name()))?;
            }
        }
        Ok(())
    }

    /// The page that begins with the name at this place.
    fn catalog(&mut self, at: usize) -> anyhow::Result<()> {
        let (page, last) = (self.catalog_page, &self.catalog[at - 1]);
        let answer = self
            .client
            .get(&format!("/v2/_catalog?n={page}&last={last}"))?;
        let listed = answer.expect(200, "catalogue")?.json()?;
        let expected = &self.catalog[at..at + page];
        ensure!(
            listed["repositories"] == serde_json::json!(expected),
            "another page: {listed}"
        );
        Ok(())
    }

    fn delete(&mut self, path: &str) -> anyhow::Result<()> {
        let answer = self.client.send("DELETE", path, "", b"")?;
        answer.expect(202, path).map(drop)
    }
}

fn expect_list(answer: &Answer, field: &str, count: u64) -> anyhow::Result<()> {
    ensure!(answer.status == 200, "answered {}", answer.status);
    let listed = answer.json()?;
    let found = listed[field].as_array().map_or(0, Vec::len) as u64;
    ensure!(found == count, "{found} entries instead of {count}");
    Ok(())
}
