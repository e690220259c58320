//! What a seeded registry holds: how much of what, under which names, and each manifest's text. Everything follows from
//! numbers, so that whoever measures knows what was seeded without asking the database.

use sha2::{Digest as _, Sha256};

/// Manifests of an ordinary repository: images, then indexes, then referrers.
const PER_REPOSITORY: u64 = 99;
pub(super) const IMAGES: u64 = 80;
pub(super) const INDEXES: u64 = 4;
pub(super) const REFERRERS: u64 = 15;
/// Of those, as many are about the first image, and one each about the next ones.
const ABOUT_THE_FIRST: u64 = 10;
/// Images that share a config and a layer of their own.
const SHARING: u64 = 4;
/// Layers that repositories everywhere begin with.
const BASES: u64 = 50;
/// Teams, each with a namespace. The last ones are of other accounts.
pub(super) const TEAMS: u64 = 10;
/// Teams of the account `default`.
pub(super) const OWN_TEAMS: u64 = 6;

pub(super) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(super) const SBOM: &str = "application/spdx+json";

/// How much is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Manifests in all: a multiple of 1000.
    pub(crate) manifests: u64,
}

impl Size {
    /// Ordinary repositories; there is one more, with very many tags.
    pub(super) fn repositories(self) -> u64 {
        self.manifests / 100
    }

    /// Manifests of the one with very many tags.
    pub(super) fn big_manifests(self) -> u64 {
        self.manifests - self.repositories() * PER_REPOSITORY
    }

    /// Its tags.
    pub(super) fn big_tags(self) -> u64 {
        self.manifests / 10
    }

    /// All repositories: the big one is the last.
    pub(super) fn all(self) -> impl Iterator<Item = Repository> {
        let ordinary = (0..self.repositories()).map(Repository::Ordinary);
        ordinary.chain([Repository::Big])
    }

    /// The same number of repositories, all of the first team.
    pub(super) fn of_one_team(self) -> Vec<Repository> {
        let ordinary = (0..self.repositories()).map(|number| Repository::Ordinary(number * TEAMS));
        ordinary.chain([Repository::Big]).collect()
    }

    /// Ordinary repositories of the account `default`, whose user can be logged in as.
    pub(super) fn own(self) -> Vec<Repository> {
        let all = (0..self.repositories()).map(Repository::Ordinary);
        all.filter(|one| one.team() < OWN_TEAMS).collect()
    }
}

/// A blob. Its bytes are its label.
#[derive(Clone)]
pub(super) struct Blob {
    pub(super) label: String,
    pub(super) digest: String,
}

impl Blob {
    pub(super) fn of(label: String) -> Self {
        let digest = digest(label.as_bytes());
        Self { label, digest }
    }

    /// The first layer of many images.
    pub(super) fn base(number: u64) -> Self {
        Self::of(format!("base {number}\n"))
    }

    /// The config of what is no image.
    pub(super) fn empty() -> Self {
        Self::of("{}".to_owned())
    }

    pub(super) fn size(&self) -> u64 {
        self.label.len() as u64
    }
}

/// A manifest with what the database says of it besides its text.
pub(super) struct Manifest {
    pub(super) media_type: &'static str,
    pub(super) content: String,
    pub(super) digest: String,
    pub(super) subject: Option<String>,
    /// Of a referrer, as JSON.
    pub(super) annotations: Option<String>,
    pub(super) blobs: Vec<Blob>,
    pub(super) children: Vec<String>,
    pub(super) tags: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repository {
    Ordinary(u64),
    Big,
}

impl Repository {
    pub(super) fn team(self) -> u64 {
        match self {
            Self::Ordinary(number) => number % TEAMS,
            Self::Big => 0,
        }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Ordinary(number) => format!("{}/app-{number:06}", team_name(self.team())),
            Self::Big => format!("{}/many-tags", team_name(self.team())),
        }
    }

    fn base(self) -> Blob {
        Blob::base(match self {
            Self::Ordinary(number) => number % BASES,
            Self::Big => 0,
        })
    }

    fn word(self) -> String {
        match self {
            Self::Ordinary(number) => number.to_string(),
            Self::Big => "many-tags".to_owned(),
        }
    }

    fn images(self, size: Size) -> u64 {
        match self {
            Self::Ordinary(_) => IMAGES,
            Self::Big => size.big_manifests(),
        }
    }

    /// Blobs that no other repository has.
    pub(super) fn own_blobs(self, size: Size) -> Vec<Blob> {
        let groups = 0..self.images(size).div_ceil(SHARING);
        groups
            .flat_map(|group| [self.config(group), self.layer(group)])
            .collect()
    }

    /// Blobs that others have too.
    pub(super) fn shared_blobs(self) -> Vec<Blob> {
        match self {
            Self::Ordinary(_) => vec![self.base(), Blob::empty()],
            Self::Big => vec![self.base()],
        }
    }

    fn config(self, group: u64) -> Blob {
        Blob::of(format!(r#"{{"config":"{} {group}"}}"#, self.word()))
    }

    fn layer(self, group: u64) -> Blob {
        Blob::of(format!("layer {} {group}\n", self.word()))
    }

    pub(super) fn manifests(self, size: Size) -> Vec<Manifest> {
        let mut all: Vec<Manifest> = (0..self.images(size))
            .map(|number| self.image(size, number))
            .collect();
        if let Self::Ordinary(_) = self {
            let indexes: Vec<Manifest> = (0..INDEXES)
                .map(|number| self.index(number, &all))
                .collect();
            let referrers: Vec<Manifest> = (0..REFERRERS)
                .map(|number| self.referrer(number, &all))
                .collect();
            all.extend(indexes);
            all.extend(referrers);
        }
        all
    }

    pub(super) fn image_tag(number: u64) -> String {
        format!("v1.{number}")
    }

    /// Tags of the big repository, in their order.
    pub(super) fn big_tag(number: u64) -> String {
        format!("build-{number:08}")
    }

    pub(super) fn image(self, size: Size, number: u64) -> Manifest {
        let group = number / SHARING;
        let tags = match self {
            Self::Ordinary(_) if number + 1 == IMAGES => {
                vec![Self::image_tag(number), "latest".to_owned()]
            }
            Self::Ordinary(_) => vec![Self::image_tag(number)],
            Self::Big => {
                let each = size.big_tags() / size.big_manifests();
                let tags = number * each..(number + 1) * each;
                tags.map(Self::big_tag).collect()
            }
        };
        let layers = [self.base(), self.layer(group)];
        image(&self.name(), number, self.config(group), &layers, tags)
    }

    fn index(self, number: u64, images: &[Manifest]) -> Manifest {
        let at = usize::try_from(number * 2).unwrap_or(0);
        let children = &images[at..at + 2];
        let listed: Vec<String> = children
            .iter()
            .zip(["amd64", "arm64"])
            .map(|(child, architecture)| {
                format!(
                    r#"{{"mediaType":"{IMAGE}","digest":"{}","size":{},"platform":{{"architecture":"{architecture}","os":"linux"}}}}"#,
                    child.digest,
                    child.content.len()
                )
            })
            .collect();
        let content = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}],"annotations":{}}}"#,
            listed.join(","),
            annotations(&self.name(), number)
        );
        Manifest {
            media_type: INDEX,
            digest: digest(content.as_bytes()),
            content,
            subject: None,
            annotations: None,
            blobs: Vec::new(),
            children: children.iter().map(|child| child.digest.clone()).collect(),
            tags: vec![format!("multi-{number}")],
        }
    }

    fn referrer(self, number: u64, images: &[Manifest]) -> Manifest {
        let about = number.saturating_sub(ABOUT_THE_FIRST - 1);
        let subject = &images[usize::try_from(about).unwrap_or(0)];
        let blobs = vec![Blob::empty(), self.layer(number)];
        let annotations = annotations(&self.name(), number);
        let content = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"{SBOM}","config":{},"layers":[{}],"subject":{{"mediaType":"{IMAGE}","digest":"{}","size":{}}},"annotations":{annotations}}}"#,
            descriptor(EMPTY, &blobs[0]),
            descriptor(SBOM, &blobs[1]),
            subject.digest,
            subject.content.len(),
        );
        Manifest {
            media_type: IMAGE,
            digest: digest(content.as_bytes()),
            content,
            subject: Some(subject.digest.clone()),
            annotations: Some(annotations),
            blobs,
            children: Vec::new(),
            tags: Vec::new(),
        }
    }
}

/// An image that was deleted: in the trash, which keeps its blobs, the last of which nothing else needs.
pub(super) fn deleted_image(repository: Repository, number: u64) -> Manifest {
    let own = Blob::of(format!("deleted {number}\n"));
    let config = repository.config(0);
    let layers = [repository.base(), own];
    let tags = vec![format!("old-{number}")];
    image(&repository.name(), number, config, &layers, tags)
}

/// An image to be pushed.
pub(super) fn new_image(name: &str, config: Blob, layer: Blob) -> Manifest {
    image(name, 0, config, &[layer], Vec::new())
}

fn image(name: &str, number: u64, config: Blob, layers: &[Blob], tags: Vec<String>) -> Manifest {
    let listed: Vec<String> = layers.iter().map(|one| descriptor(LAYER, one)).collect();
    let content = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{},"layers":[{}],"annotations":{}}}"#,
        descriptor(CONFIG, &config),
        listed.join(","),
        annotations(name, number)
    );
    let mut blobs = vec![config];
    blobs.extend_from_slice(layers);
    Manifest {
        media_type: IMAGE,
        digest: digest(content.as_bytes()),
        content,
        subject: None,
        annotations: None,
        blobs,
        children: Vec::new(),
        tags,
    }
}

fn descriptor(media_type: &str, blob: &Blob) -> String {
    format!(
        r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#,
        blob.digest,
        blob.size()
    )
}

/// What build systems write into their manifests.
fn annotations(name: &str, number: u64) -> String {
    format!(
        r#"{{"org.opencontainers.image.created":"2026-01-01T00:00:00Z","org.opencontainers.image.authors":"The people who build {name}","org.opencontainers.image.source":"https://git.example.com/{name}","org.opencontainers.image.revision":"{number:040x}","org.opencontainers.image.title":"{name}","org.opencontainers.image.version":"1.{number}","org.opencontainers.image.licenses":"Apache-2.0"}}"#
    )
}

pub(super) fn team_name(team: u64) -> String {
    format!("team{team}")
}

/// `sha256:` and 64 digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(71);
    text.push_str("sha256:");
    for byte in Sha256::digest(bytes) {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_is_as_much_of_everything_as_the_size_says() {
        for manifests in [1000, 10_000, 50_000] {
            let size = Size { manifests };
            let (mut count, mut tags, mut digests) = (0, 0, BTreeSet::new());
            for repository in size.all() {
                for manifest in repository.manifests(size) {
                    count += 1;
                    tags += manifest.tags.len() as u64;
                    assert!(
                        manifest.content.len() < 1500 && manifest.content.len() > 500,
                        "{} bytes",
                        manifest.content.len()
                    );
                    digests.insert((repository.name(), manifest.digest));
                }
            }
            assert_eq!(count, manifests);
            assert_eq!(digests.len() as u64, manifests, "no manifest twice");
            assert_eq!(
                tags,
                size.big_tags() + size.repositories() * (IMAGES + 1 + INDEXES)
            );
        }
    }
}
