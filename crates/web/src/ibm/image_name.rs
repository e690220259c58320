//! Names of images as people type them: `registry.example.com/team/app:v1`, the registry's name with or without.

use crate::exchange::RequestContext;
use crate::registry::Registry;
use http::Request;
use oci::{Digest, Reference, RepositoryName, Tag};
use services::{ArtifactRef, RepositoryRef};

/// The names, with their ports, under which a client knows the registry.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// The one that answers show.
    shown: String,
    /// The one that the request was sent to.
    asked: String,
}

impl Hosts {
    pub(super) async fn of<B>(
        registry: &Registry,
        request: &Request<B>,
        context: &RequestContext,
    ) -> Self {
        let origin = registry.origin_at(request, context).await;
        let shown = origin.split_once("://").map_or("", |(_, host)| host);
        let asked = context.host(request.uri(), request.headers());
        Self {
            shown: shown.to_owned(),
            asked: asked.unwrap_or_default().to_owned(),
        }
    }

    /// A repository's name with the registry's before it.
    pub(super) fn whole(&self, repository: &str) -> String {
        format!("{}/{repository}", self.shown)
    }

    /// The name after the registry's, where that is one of these.
    pub(super) fn strip<'a>(&self, name: &'a str) -> &'a str {
        match name.split_once('/') {
            Some((host, rest))
                if [&self.shown, &self.asked]
                    .iter()
                    .any(|own| own.eq_ignore_ascii_case(host)) =>
            {
                rest
            }
            _ => name,
        }
    }
}

/// The name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageName {
    repository: RepositoryName,
    reference: Reference,
}

impl ImageName {
    /// Reads a name. Without tag and digest it is that of the tag `latest`; with both, of the digest.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn parse(text: &str, hosts: &Hosts) -> Result<Self, String> {
        let invalid = || {
            format!(
                "{text:?} is no image's name; write it as namespace/repository:tag or namespace/repository@sha256:…"
            )
        };
        let text = hosts.strip(text);
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::parse(digest).map_err(|_| invalid())?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        // A colon before the last slash is a port's: no name of a repository has one.
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) => (name, Some(Tag::parse(tag).map_err(|_| invalid())?)),
            None => (name, None),
        };
        let repository = RepositoryName::parse(name).map_err(|_| invalid())?;
        repository.path().ok_or_else(invalid)?;
        let reference = match (digest, tag) {
            (Some(digest), _) => Reference::Digest(digest),
            (None, Some(tag)) => Reference::Tag(tag),
            (None, None) => Reference::parse("latest").map_err(|_| invalid())?,
        };
        Ok(Self {
            repository,
            reference,
        })
    }

    /// Its repository.
    pub(super) fn repository(&self) -> RepositoryRef<'_> {
        RepositoryRef {
            namespace: self.repository.namespace(),
            name: self.repository.path().unwrap_or_default(),
        }
    }

    /// What it names.
    pub(super) fn artifact(&self) -> ArtifactRef<'_> {
        ArtifactRef {
            repository: self.repository(),
            reference: self.reference.as_str(),
        }
    }

    /// Its tag, when it has one and no digest.
    pub(super) fn tag(&self) -> Option<&str> {
        match &self.reference {
            Reference::Tag(tag) => Some(tag.as_str()),
            Reference::Digest(_) => None,
        }
    }

    /// The whole name, with the registry's.
    pub(super) fn whole(&self, hosts: &Hosts) -> String {
        let separator = if self.tag().is_some() { ':' } else { '@' };
        let repository = hosts.whole(self.repository.as_str());
        format!("{repository}{separator}{}", self.reference.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_with_and_without_the_registrys() {
        let hosts = Hosts {
            shown: "registry.example.com".to_owned(),
            asked: "127.0.0.1:5000".to_owned(),
        };
        let digest = Digest::sha256_of(b"x");
        let by_digest = format!("n/a@{digest}");
        let whole_by_digest = format!("registry.example.com/n/a@{digest}");
        let with_both = format!("127.0.0.1:5000/n/a:v1@{digest}");
        for (text, expected) in [
            ("n/a:v1", Some("registry.example.com/n/a:v1")),
            ("n/a", Some("registry.example.com/n/a:latest")),
            (
                "registry.example.com/n/a/b:v1",
                Some("registry.example.com/n/a/b:v1"),
            ),
            (
                "REGISTRY.example.com/n/a:v1",
                Some("registry.example.com/n/a:v1"),
            ),
            ("127.0.0.1:5000/n/a:v1", Some("registry.example.com/n/a:v1")),
            (&by_digest, Some(&whole_by_digest)),
            (&with_both, Some(&whole_by_digest)),
            ("other.example.com:5000/n/a:v1", None),
            ("127.0.0.1:5000/a:v1", None),
            ("a:v1", None),
            ("n/A:v1", None),
            ("n/a:", None),
            ("n/a:not a tag", None),
            ("n/a@sha256:12", None),
            ("", None),
        ] {
            let read = ImageName::parse(text, &hosts);
            let read = read.ok().map(|name| name.whole(&hosts));
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
