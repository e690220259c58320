//! Tags that end by themselves: as an annotation of a pushed manifest says, or as people say; and deleting them when their
//! time has come.
//!
//! A tag that moves has another end, or none. What a rule or a lock protects does not end as long as that is so.

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::core::Core;
use crate::locks::Locks;
use crate::protection::Protection;
use crate::removal::{Keep, Removal, remove_tag};
use crate::repositories::RepositoryRef;
use crate::{Error, Result};
use jiff::Timestamp;
use metadata::{EndedTag, Tx};
use model::caller::{CallerKind, CredentialKind, Origin};
use model::{Action, Caller, Event, UserId};
use oci::Tag;
use std::collections::BTreeMap;

/// Annotations that say when the tags of a manifest end, as a duration or as a time; the first that a manifest has counts.
const ANNOTATIONS: [&str; 2] = ["roadstead.expires", "quay.expires-after"];
/// The longest time that a tag can be given, in milliseconds: a hundred years.
const LONGEST_MS: i64 = 100 * 366 * 24 * 3_600_000;
/// Tags that one step looks at.
const LOOKED_AT: i64 = 100;
/// When a tag that is protected, or of an account that may only read, is looked at again.
const AGAIN_MS: i64 = 3_600_000;

/// When a tag ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagEnd {
    /// So many milliseconds after it was put.
    After(i64),
    /// At a time, in milliseconds since 1970.
    At(i64),
}

impl TagEnd {
    /// Reads a duration, a whole number above 0 with `s`, `m`, `h`, `d`, `w` or `y`, or a time by RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit = text.chars().next_back()?;
        let secs = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            'y' => 365 * 86_400,
            _ => {
                let at: Timestamp = text.parse().ok()?;
                return Some(Self::At(at.as_millisecond()));
            }
        };
        let count = text.strip_suffix(unit)?;
        let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count: i64 = count.parse().ok().filter(|_| is_number)?;
        let ms = count.checked_mul(secs)?.checked_mul(1000)?;
        (1..=LONGEST_MS).contains(&ms).then_some(Self::After(ms))
    }

    /// The time, when the tag is put at another.
    pub fn from(self, now_ms: i64) -> i64 {
        match self {
            Self::After(ms) => now_ms.saturating_add(ms),
            Self::At(ms) => ms,
        }
    }
}

/// What a manifest's annotations say about its tags. A value that is neither duration nor time says nothing, and a time that
/// has passed ends the tag at once.
pub(crate) fn annotated_end(annotations: &BTreeMap<String, String>) -> Option<TagEnd> {
    let said = ANNOTATIONS.iter().find_map(|name| annotations.get(*name))?;
    TagEnd::parse(said)
}

/// A tag with its end.
#[derive(Clone, Debug)]
pub struct TagEndView {
    /// The tag.
    pub tag: String,
    /// When it ends, in milliseconds since 1970.
    pub ends_at_ms: i64,
}

impl Locks {
    /// A repository's tags that end by themselves, after `after`, by name.
    pub async fn list_tag_ends(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        (after, limit): (&str, i64),
    ) -> Result<Vec<TagEndView>, Refused> {
        let action = Action::TagList;
        let place = self.authorizer.repository(by, named, action).await?;
        let after = after.to_owned();
        let found = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_tag_ends(&place.id, &after, limit)?));
        let views = found.await?.into_iter();
        Ok(views
            .map(|(tag, ends_at_ms)| TagEndView { tag, ends_at_ms })
            .collect())
    }

    /// When a tag ends by itself, in milliseconds since 1970; `None` for one that stays, and for none.
    pub async fn tag_end(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        tag: &Tag,
    ) -> Result<Option<i64>, Refused> {
        let action = Action::TagList;
        let place = self.authorizer.repository(by, named, action).await?;
        let found = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_tag_end(&place.id, tag)?));
        Ok(found.await?)
    }

    /// Says when a tag ends; without an end, it stays. Answers with the time.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that is not to come; [`Error::Protected`] for an end of what may not be deleted.
    pub async fn set_tag_end(
        &self,
        by: &AccountContext,
        named: RepositoryRef<'_>,
        tag: &str,
        end: Option<TagEnd>,
    ) -> Result<Option<i64>, Refused> {
        let action = Action::TagDelete;
        let place = self.authorizer.repository(by, named, action).await?;
        let unknown = format!("the tag {tag} of the repository {}", place.name);
        let tag = Tag::parse(tag).map_err(|_| Error::NotFound(unknown.clone()))?;
        let set = self.core.change(by, move |core, tx, _| {
            let now_ms = core.now_ms();
            let ends_at_ms = end.map(|end| end.from(now_ms));
            let range = now_ms..=now_ms.saturating_add(LONGEST_MS);
            if ends_at_ms.is_some_and(|at| !range.contains(&at)) {
                let text = "the end of a tag is a time to come, within a hundred years";
                return Err(Error::Invalid(text.to_owned()));
            }
            let protection = Protection::of(tx, &place.id, &place.name)?;
            if tx.take_tag(&place.id, &tag)?.is_none() {
                return Err(Error::NotFound(unknown));
            }
            if ends_at_ms.is_some() {
                protection.ask_tag(tx, &tag)?;
            }
            if tx.find_tag_end(&place.id, &tag)? == ends_at_ms {
                return Ok((ends_at_ms, None));
            }
            tx.set_tag_end(&place.id, &tag, ends_at_ms)?;
            let event = Event::TagEndUpdated {
                repository: place.name,
                tag,
                ends_at_ms,
            };
            Ok((ends_at_ms, Some(event)))
        });
        Ok(set.await?)
    }

    /// Deletes some tags whose end has come. Says how many were looked at; call again while any are.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; what was done stays done.
    pub async fn expire_tags(&self) -> Result<usize> {
        let now_ms = self.core.now_ms();
        let ended = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_ended_tags(now_ms, LOOKED_AT)?));
        let ended = ended.await?;
        let count = ended.len();
        for one in ended {
            let (core, of) = (self.core.clone(), one.clone());
            let step = self.core.metadata.write(move |tx| expire(&core, tx, &of));
            let Err(error) = step.await else { continue };
            // One that cannot be looked at must not stand in the way of all others.
            tracing::error!(%error, repository = %one.repository, tag = %one.tag, "a tag that ends could not be looked at");
            let again_at_ms = now_ms.saturating_add(AGAIN_MS);
            let put_off = self.core.metadata.write(move |tx| {
                let (repository, tag) = (&one.repository_id, &one.tag);
                Ok::<_, Error>(tx.put_off_tag_end(repository, tag, again_at_ms)?)
            });
            put_off.await?;
        }
        Ok(count)
    }
}

/// Deletes a tag if its end has come, by the row as it is now.
fn expire(core: &Core, tx: &mut Tx<'_>, ended: &EndedTag) -> Result<()> {
    let (repository, name, tag) = (&ended.repository_id, &ended.repository, &ended.tag);
    let now_ms = core.now_ms();
    let protection = Protection::of(tx, repository, name)?;
    // From here on no push moves it: what was read before may not be so any more.
    let Some(digest) = tx.take_tag(repository, tag)? else {
        return Ok(());
    };
    let Some(ends_at_ms) = tx.find_tag_end(repository, tag)? else {
        // It has moved, by a program that knows of no ends.
        tx.set_tag_end(repository, tag, None)?;
        return Ok(());
    };
    if ends_at_ms > now_ms {
        return Ok(tx.put_off_tag_end(repository, tag, ends_at_ms)?);
    }
    let account = tx.find_account(&ended.account_id)?;
    let is_writable = account.is_some_and(|account| account.state.allows_push());
    let asked = protection.ask_tag(tx, tag);
    if matches!(asked, Err(Error::Protected(_))) || !is_writable {
        return Ok(tx.put_off_tag_end(repository, tag, now_ms.saturating_add(AGAIN_MS))?);
    }
    asked?;
    let (caller, origin) = (itself(), Origin::default());
    let removal = Removal {
        account: &ended.account_id,
        repository: (repository, name),
        by: (&caller, &origin),
        trash: Keep::of(core, tx, &ended.account_id)?,
        protection: &protection,
        is_whole: false,
        is_told: true,
    };
    let event = Event::TagExpired {
        repository: name.clone(),
        tag: tag.clone(),
        digest,
        ends_at_ms,
    };
    core.record_for(tx, &event, &ended.account_id, removal.by)?;
    remove_tag(core, tx, &removal, tag)?;
    tx.touch_repository(name);
    removal.finish(tx)
}

/// Who deletes what has ended: nobody who could log in.
fn itself() -> Caller {
    Caller {
        kind: CallerKind::User {
            id: UserId::new("tag-expiry"),
            name: "tag-expiry".to_owned(),
        },
        credential: CredentialKind::None,
        home_account: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_duration_or_a_time() {
        let day = 86_400_000;
        for (text, expected) in [
            ("2w", Some(TagEnd::After(14 * day))),
            (" 36h ", Some(TagEnd::After(36 * day / 24))),
            ("1y", Some(TagEnd::After(365 * day))),
            ("90s", Some(TagEnd::After(90_000))),
            ("1970-01-02T00:00:00Z", Some(TagEnd::At(day))),
            ("1970-01-02T01:00:00+01:00", Some(TagEnd::At(day))),
            ("0d", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5d", None),
            ("d", None),
            ("", None),
            ("never", None),
            ("999999999999999999999d", None),
            ("9223372036854775807w", None),
            ("101y", None),
            ("2026-13-01T00:00:00Z", None),
        ] {
            assert_eq!(TagEnd::parse(text), expected, "{text:?}");
        }
    }
}
