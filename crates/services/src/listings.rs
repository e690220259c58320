//! Lists that clients page through: tags, referrers, repositories.

use crate::access::{Access, CallerContext, Pull, Refused};
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::{Error, Result};
use metadata::{Choice, Reader, ReferrerRow};
use model::{Action, Address, NetworkTraffic, Page};
use oci::{Digest, ScopeResource};
use std::sync::Arc;

/// Referrers that one page looks at, whatever the filter takes of them. A page may end empty and link to the next.
const LOOKED_AT: usize = 5000;
/// What a referrers list shows of one manifest, besides annotations and types: a bound for its share of a page.
const REFERRER_BYTES: usize = 300;

/// A manifest that is about another one, as a list shows it.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub size_bytes: i64,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its annotations as JSON, exactly as they were pushed.
    pub annotations: Option<String>,
}

impl From<ReferrerRow> for Referrer {
    fn from(row: ReferrerRow) -> Self {
        Self {
            digest: row.digest,
            media_type: row.media_type,
            size_bytes: row.size_bytes,
            artifact_type: row.artifact_type,
            annotations: row.annotations,
        }
    }
}

impl Referrer {
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        REFERRER_BYTES + length(&self.annotations) + length(&self.artifact_type)
    }
}

/// Which referrers are wanted.
#[derive(Clone, Debug)]
pub struct ReferrersQuery {
    /// What they are about.
    pub subject: Digest,
    /// Of one of these kinds; of any when empty.
    pub artifact_types: Vec<String>,
    /// At most so many.
    pub limit: usize,
    /// After this digest.
    pub after: String,
}

/// Lists.
pub struct Listings {
    core: Arc<Core>,
}

impl Listings {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// A repository's tags in byte order, after `after`.
    ///
    /// # Errors
    /// [`Error::NameUnknown`] for a repository that never had a manifest.
    pub async fn tags(
        &self,
        access: &Access<Pull>,
        after: String,
        limit: usize,
    ) -> Result<Page<String>> {
        let key = access.key();
        self.core
            .metadata
            .browse(move |reader| {
                let tags = reader.list_tags(&key, &after, probe(limit))?;
                if tags.is_empty() {
                    let repository = reader.find_repository(&key)?;
                    if !repository.is_some_and(|repository| repository.is_listed) {
                        return Err(Error::NameUnknown);
                    }
                }
                Ok(Page::from_probe(tags, limit, String::clone))
            })
            .await
    }

    /// A page of referrers, in the order of their digests. A page ends when it is long enough in number or in bytes.
    pub async fn referrers(
        &self,
        access: &Access<Pull>,
        query: ReferrersQuery,
    ) -> Result<Page<Referrer>> {
        let key = access.key();
        let room = self.core.settings.referrers_page_bytes;
        self.core
            .metadata
            .browse(move |reader| {
                let mut page = Page {
                    items: Vec::new(),
                    next: None,
                };
                let mut bytes = 0;
                let ReferrersQuery {
                    subject,
                    artifact_types,
                    after,
                    ..
                } = &query;
                let (mut looked_at, mut passed_over) = (0, None);
                let choose = |digest: &str, artifact_type: Option<&str>| {
                    looked_at += 1;
                    if looked_at > LOOKED_AT {
                        return Choice::Stop;
                    }
                    if wants(artifact_types, artifact_type) {
                        return Choice::Take;
                    }
                    passed_over = Some(digest.to_owned());
                    Choice::PassOver
                };
                reader.visit_referrers(&key, subject, after, choose, |row| {
                    let referrer = Referrer::from(row);
                    bytes += referrer.weight();
                    let is_full = !page.items.is_empty() && bytes > room;
                    if is_full || page.items.len() >= query.limit {
                        page.next = page.items.last().map(|last: &Referrer| last.digest.clone());
                        return false;
                    }
                    page.items.push(referrer);
                    true
                })?;
                if looked_at > LOOKED_AT && page.next.is_none() {
                    let last = page.items.last().map(|last| last.digest.clone());
                    page.next = last.max(passed_over);
                }
                Ok(page)
            })
            .await
    }

    /// Names of the repositories that the caller may pull, in byte order, after `after`.
    pub async fn catalog(
        &self,
        authorizer: &Authorizer,
        context: &CallerContext,
        after: String,
        limit: usize,
    ) -> Result<Page<String>, Refused> {
        let who = &context.authenticated;
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        if !is_good_for(&who.caller, Action::CatalogRead) {
            return Err(Refused::Forbidden);
        }
        if let crate::access::Rights::Token(rights) = &who.rights
            && !rights
                .scopes
                .iter()
                .any(|scope| scope.resource == ScopeResource::Catalog)
        {
            return Err(Refused::InsufficientScope);
        }
        let account = match &context.address {
            Address::Account(account) => Some(account.clone()),
            Address::Shared => who.caller.home_account.clone(),
        };
        let Some(account) = account else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        authorizer
            .admit(context, &account, NetworkTraffic::Registry, None)
            .await?;
        let closed = authorizer.namespaces_closed_to(context, &account).await?;
        let visible = authorizer
            .visible_repositories(context, &account, Action::RepositoryPull)
            .await?;
        let sees_all = matches!(visible.namespaces, Visible::All) && closed.is_empty();
        let names = move |reader: &Reader<'_>| {
            let may_see = |id: &_, name: &str, is_public: bool| {
                (is_public || visible.contains(id, name)) && !closed.contains(id)
            };
            let names = reader.list_catalog(&account, &after, limit + 1, may_see)?;
            Ok::<_, Error>(Page::from_probe(names, limit, String::clone))
        };
        let metadata = &self.core.metadata;
        Ok(if sees_all {
            metadata.browse(names).await?
        } else {
            // What is public decides who sees it, so it must not be old.
            metadata.list(names).await?
        })
    }
}

fn wants(artifact_types: &[String], artifact_type: Option<&str>) -> bool {
    artifact_types.is_empty()
        || artifact_type.is_some_and(|one| artifact_types.iter().any(|wanted| wanted == one))
}

fn probe(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}
