//! Rules of immutability of a namespace: which tags do not change.

use crate::access::Refused;
use crate::account_access::{AccountContext, NamespaceRef};
use crate::accounts::existing;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::protection::ImmutabilitySelectors;
use crate::{Error, Result};
use metadata::{ImmutabilityRuleRow, NamespaceRow, Numbered, Tx};
use model::{Action, Event, Selector, SelectorKind, SelectorText};
use std::sync::Arc;

/// Rules that a namespace can have.
pub const MAX_RULES: usize = 15;
/// Selectors of repositories, or of tags, that a rule can have.
const MAX_SELECTORS: usize = 10;

/// A rule as people see it.
#[derive(Clone, Debug)]
pub struct ImmutabilityView {
    /// Its identifier.
    pub id: String,
    /// Harbor's number for it.
    pub number: i64,
    /// Whether it is in effect.
    pub is_enabled: bool,
    /// What it selects.
    pub selectors: ImmutabilitySelectors,
    /// When it was made, in milliseconds since 1970.
    pub created_at_ms: i64,
}

/// How a request names a rule of a namespace.
#[derive(Clone, Copy, Debug)]
pub enum ImmutabilityRef<'a> {
    /// By Harbor's number for it.
    Number(i64),
    /// By its identifier.
    Id(&'a str),
}

/// Rules of immutability.
pub struct Immutability {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Immutability {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The rules of a namespace, the oldest first; at most [`MAX_RULES`].
    pub async fn list(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
    ) -> Result<Vec<ImmutabilityView>, Refused> {
        let action = Action::ImmutableTagList;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let id = namespace.id.clone();
        let rows = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_immutability_rules(&id)?));
        let rows = rows.await?;
        let keys: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let numbered = Numbered::ImmutabilityRule;
        let numbers = self.core.numbers(by.id(), numbered, &keys).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(ImmutabilityView {
                number: numbers.of(&row.id)?,
                selectors: read(&row)?,
                id: row.id,
                is_enabled: row.is_enabled,
                created_at_ms: row.created_at_ms,
            });
        }
        Ok(views)
    }

    /// Makes a rule. Answers with its identifier and with Harbor's number for it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for selectors that are none, and for more than [`MAX_RULES`]; [`Error::AlreadyExists`] for a rule that
    /// the namespace has.
    pub async fn create(
        &self,
        by: &AccountContext,
        named: NamespaceRef<'_>,
        selectors: ImmutabilitySelectors,
    ) -> Result<(String, i64), Refused> {
        let action = Action::ImmutableTagCreate;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let rule = checked(&selectors)?;
        let id = self.core.ids.next_id();
        let created = self.core.change(by, move |core, tx, account| {
            take(tx, &namespace)?;
            if tx.list_immutability_rules(&namespace.id)?.len() >= MAX_RULES {
                return Err(Error::Invalid(format!(
                    "a namespace has at most {MAX_RULES} rules of immutability; change or delete one"
                )));
            }
            let row = ImmutabilityRuleRow {
                id,
                is_enabled: true,
                rule,
                created_at_ms: core.now_ms(),
            };
            let created = tx.create_immutability_rule(account, &namespace.id, &row);
            created.map_err(|error| existing(error, "a rule of immutability like this"))?;
            tx.settle_protection(&namespace.id)?;
            let number = tx.give_number(account, Numbered::ImmutabilityRule, &row.id)?;
            let event = Event::ImmutabilityRuleCreated {
                immutability_rule: said(&selectors),
                namespace: namespace.name.clone(),
            };
            Ok(((row.id, number), Some(event)))
        });
        Ok(created.await?)
    }

    /// Writes a rule anew, or switches it on or off.
    ///
    /// # Errors
    /// As [`create`](Self::create); [`Error::NotFound`] when the namespace has no such rule.
    pub async fn update(
        &self,
        by: &AccountContext,
        (named, rule): (NamespaceRef<'_>, ImmutabilityRef<'_>),
        selectors: Option<ImmutabilitySelectors>,
        is_enabled: bool,
    ) -> Result<(), Refused> {
        let action = Action::ImmutableTagUpdate;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        if let Some(selectors) = &selectors {
            checked(selectors)?;
        }
        let id = self.id_of(by, rule).await?;
        let updated = self.core.change(by, move |_, tx, _| {
            take(tx, &namespace)?;
            let present = find(tx, &namespace, &id)?;
            let before = read(&present)?;
            let selectors = selectors.unwrap_or_else(|| before.clone());
            if selectors == before && present.is_enabled == is_enabled {
                return Ok(((), None));
            }
            let text = checked(&selectors)?;
            let updated = tx.update_immutability_rule(&namespace.id, &id, &text, is_enabled);
            updated.map_err(|error| existing(error, "a rule of immutability like this"))?;
            tx.settle_protection(&namespace.id)?;
            let event = Event::ImmutabilityRuleUpdated {
                immutability_rule: said(&selectors),
                namespace: namespace.name.clone(),
                is_enabled,
            };
            Ok(((), Some(event)))
        });
        Ok(updated.await?)
    }

    /// Deletes a rule.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the namespace has no such rule.
    pub async fn delete(
        &self,
        by: &AccountContext,
        (named, rule): (NamespaceRef<'_>, ImmutabilityRef<'_>),
    ) -> Result<(), Refused> {
        let action = Action::ImmutableTagDelete;
        let namespace = self.authorizer.namespace(by, named, action).await?;
        let id = self.id_of(by, rule).await?;
        let deleted = self.core.change(by, move |_, tx, _| {
            take(tx, &namespace)?;
            let present = find(tx, &namespace, &id)?;
            tx.delete_immutability_rule(&namespace.id, &id)?;
            tx.settle_protection(&namespace.id)?;
            let event = Event::ImmutabilityRuleDeleted {
                immutability_rule: said(&read(&present)?),
                namespace: namespace.name.clone(),
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// A number may stand for a rule of another namespace: the transaction looks for it in its own.
    async fn id_of(&self, by: &AccountContext, rule: ImmutabilityRef<'_>) -> Result<String> {
        let number = match rule {
            ImmutabilityRef::Id(id) => return Ok(id.to_owned()),
            ImmutabilityRef::Number(number) => number,
        };
        let account = by.id().clone();
        let numbered = Numbered::ImmutabilityRule;
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_numbered(&account, numbered, number));
        found.await?.ok_or_else(|| unknown(&number.to_string()))
    }
}

fn unknown(rule: &str) -> Error {
    Error::NotFound(format!("the rule of immutability {rule}"))
}

/// Everybody who moves or deletes something in the namespace is done, or waits.
fn take(tx: &mut Tx<'_>, namespace: &NamespaceRow) -> Result<()> {
    if tx.take_protection(&namespace.id)? {
        return Ok(());
    }
    Err(Error::NotFound(format!("the namespace {}", namespace.name)))
}

fn find(tx: &Tx<'_>, namespace: &NamespaceRow, id: &str) -> Result<ImmutabilityRuleRow> {
    let rules = tx.list_immutability_rules(&namespace.id)?;
    let found = rules.into_iter().find(|row| row.id == id);
    found.ok_or_else(|| unknown(id))
}

fn read(row: &ImmutabilityRuleRow) -> Result<ImmutabilitySelectors> {
    serde_json::from_str(&row.rule).map_err(|_| {
        tracing::error!(
            rule = row.id,
            "a stored rule of immutability cannot be read"
        );
        Error::Internal
    })
}

/// The selectors as JSON, if all of them are understood.
fn checked(selectors: &ImmutabilitySelectors) -> Result<String> {
    let invalid = |text: String| Err(Error::Invalid(text));
    let both = [
        ("repositories", &selectors.repositories, true),
        ("tags", &selectors.tags, false),
    ];
    for (what, texts, is_of_repositories) in both {
        if !(1..=MAX_SELECTORS).contains(&texts.len()) {
            return invalid(format!(
                "a rule of immutability has 1 to {MAX_SELECTORS} selectors of {what}"
            ));
        }
        for text in texts {
            if text.decoration.is_of_repositories() != is_of_repositories {
                return invalid(format!("{} selects no {what}", text.decoration.as_str()));
            }
            if text.kind == SelectorKind::Label || text.untagged {
                return invalid("a rule of immutability selects tags by their names".to_owned());
            }
            if let Err(error) = Selector::parse(text.clone()) {
                return invalid(format!("{:?}: {error}", text.pattern));
            }
        }
    }
    serde_json::to_string(selectors).map_err(|_| Error::Internal)
}

/// What a rule says, for the log.
fn said(selectors: &ImmutabilitySelectors) -> String {
    let all = |texts: &[SelectorText]| {
        let texts = texts
            .iter()
            .map(|text| format!("{} {}", text.decoration.as_str(), text.pattern));
        texts.collect::<Vec<_>>().join(", ")
    };
    format!("{}; {}", all(&selectors.repositories), all(&selectors.tags))
}
