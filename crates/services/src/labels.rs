//! Labels of an account or of one namespace, and the artifacts that carry them.

use crate::access::{Refused, Rights};
use crate::account_access::{AccountContext, NamespaceRef};
use crate::accounts::existing;
use crate::artifacts::{ArtifactRef, Artifacts};
use crate::authorizer::{Authorizer, Visible};
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::{Error, Result};
use metadata::{Error as MetadataError, LabelRow, ListQuery, Listed, NamespaceRow, Numbered};
use model::{Action, Event, NamespaceId};
use std::sync::Arc;

/// The longest name, in characters, and description, in bytes.
const MAX_NAME: usize = 128;
const MAX_DESCRIPTION: usize = 4096;

/// A label as people see it.
#[derive(Clone, Debug)]
pub struct LabelView {
    /// The label.
    pub row: LabelRow,
    /// Harbor's number for it.
    pub number: i64,
    /// Harbor's number for its namespace, when it is of one.
    pub namespace_number: Option<i64>,
}

/// What people may say of a label.
#[derive(Clone, Debug)]
pub struct LabelText {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its colour, as `#A9B6BE`; may be empty.
    pub color: String,
}

impl LabelText {
    fn require_valid(&self) -> Result<()> {
        let why = if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME {
            format!("the name of a label has 1 to {MAX_NAME} characters")
        } else if self.name.chars().any(char::is_control) {
            "the name of a label has no control characters".to_owned()
        } else if self.description.len() > MAX_DESCRIPTION {
            format!("the description of a label has at most {MAX_DESCRIPTION} bytes")
        } else if !is_color(&self.color) {
            "the color of a label is written as #A9B6BE".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Invalid(why))
    }
}

/// It stands in pages as it is: nothing but a number.
fn is_color(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix('#').is_some_and(|digits| {
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}

/// Labels.
pub struct Labels {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    artifacts: Arc<Artifacts>,
}

/// Where a label is of.
#[derive(Clone)]
enum Home {
    Account,
    Namespace(NamespaceRow),
}

impl Home {
    fn name(&self) -> Option<String> {
        match self {
            Self::Account => None,
            Self::Namespace(namespace) => Some(namespace.name.clone()),
        }
    }
}

impl Labels {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        artifacts: Arc<Artifacts>,
    ) -> Self {
        Self {
            core,
            authorizer,
            artifacts,
        }
    }

    /// The labels of a namespace, or those of the account itself.
    pub async fn list(
        &self,
        by: &AccountContext,
        namespace: Option<NamespaceRef<'_>>,
        query: ListQuery,
    ) -> Result<Listed<LabelView>, Refused> {
        let namespace = if let Some(named) = namespace {
            let found = self
                .authorizer
                .namespace(by, named, Action::LabelList)
                .await?;
            Some(found.id.clone())
        } else {
            self.require_in_account(by, Action::LabelList).await?;
            None
        };
        let account = by.id().clone();
        let listed = self.core.metadata.list(move |reader| {
            Ok::<_, Error>(reader.list_labels(&account, namespace.as_ref(), &query)?)
        });
        let listed = listed.await?;
        let items = views(&self.core, by, listed.items).await?;
        let total = listed.total;
        Ok(Listed { items, total })
    }

    /// A label.
    pub async fn get(&self, by: &AccountContext, number: i64) -> Result<LabelView, Refused> {
        let (row, _) = self.find(by, number, Action::LabelRead).await?;
        let mut views = views(&self.core, by, vec![row]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Makes a label. Answers with Harbor's number for it.
    pub async fn create(
        &self,
        by: &AccountContext,
        namespace: Option<NamespaceRef<'_>>,
        text: LabelText,
    ) -> Result<i64, Refused> {
        let action = Action::LabelCreate;
        let home = if let Some(named) = namespace {
            let namespace = self.authorizer.namespace(by, named, action).await?;
            Home::Namespace((*namespace).clone())
        } else {
            self.authorizer.require(by, action).await?;
            Home::Account
        };
        text.require_valid()?;
        let namespace_id: Option<NamespaceId> = match &home {
            Home::Account => None,
            Home::Namespace(namespace) => Some(namespace.id.clone()),
        };
        let id = self.core.ids.next_id();
        let created = self.core.change(by, move |core, tx, account| {
            let now_ms = core.now_ms();
            let row = LabelRow {
                id,
                account_id: account.clone(),
                namespace_id,
                name: text.name,
                description: text.description,
                color: text.color,
                created_at_ms: now_ms,
                updated_at_ms: now_ms,
            };
            let created = tx.create_label(&row);
            created.map_err(|error| existing(error, &format!("the label {}", row.name)))?;
            let number = tx.give_number(account, Numbered::Label, &row.id)?;
            let event = Event::LabelCreated {
                label: row.name,
                namespace: home.name(),
            };
            Ok((number, Some(event)))
        });
        Ok(created.await?)
    }

    /// Writes what is said of a label.
    pub async fn update(
        &self,
        by: &AccountContext,
        number: i64,
        text: LabelText,
    ) -> Result<(), Refused> {
        let (row, home) = self.find(by, number, Action::LabelUpdate).await?;
        text.require_valid()?;
        let changed = self.core.change(by, move |core, tx, _| {
            let row = LabelRow {
                name: text.name,
                description: text.description,
                color: text.color,
                ..row
            };
            let updated = tx.update_label(&row, core.now_ms());
            if !updated.map_err(|error| existing(error, &format!("the label {}", row.name)))? {
                return Err(unknown(number));
            }
            let event = Event::LabelUpdated {
                label: row.name,
                namespace: home.name(),
            };
            Ok(((), Some(event)))
        });
        Ok(changed.await?)
    }

    /// Deletes a label; nothing carries it any more.
    pub async fn delete(&self, by: &AccountContext, number: i64) -> Result<(), Refused> {
        let (row, home) = self.find(by, number, Action::LabelDelete).await?;
        let deleted = self.core.change(by, move |_, tx, _| {
            if !tx.delete_label(&row.id)? {
                return Err(unknown(number));
            }
            let event = Event::LabelDeleted {
                label: row.name,
                namespace: home.name(),
            };
            Ok(((), Some(event)))
        });
        Ok(deleted.await?)
    }

    /// Makes an artifact carry a label of its account or of its namespace.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when it does.
    pub async fn attach(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        number: i64,
    ) -> Result<(), Refused> {
        let action = Action::ArtifactLabelCreate;
        let (place, row) = self.artifacts.find(by, named, action).await?;
        let label = self.find_for(by, &place.namespace.id, number).await?;
        let attached = self.core.change(by, move |core, tx, _| {
            let attached = tx.add_manifest_label(&row.id, &label.id, core.now_ms());
            let is_new = attached.map_err(|error| match error {
                MetadataError::ReferenceViolated => {
                    Error::NotFound(format!("the artifact {}", row.digest))
                }
                error => error.into(),
            })?;
            if !is_new {
                let text = format!("the label {} of the artifact {}", label.name, row.digest);
                return Err(Error::AlreadyExists(text));
            }
            let event = Event::LabelAttached {
                label: label.name,
                repository: place.name,
                digest: row.digest,
            };
            Ok(((), Some(event)))
        });
        Ok(attached.await?)
    }

    /// Takes a label from an artifact.
    pub async fn detach(
        &self,
        by: &AccountContext,
        named: ArtifactRef<'_>,
        number: i64,
    ) -> Result<(), Refused> {
        let action = Action::ArtifactLabelDelete;
        let (place, row) = self.artifacts.find(by, named, action).await?;
        let label = self.find_for(by, &place.namespace.id, number).await?;
        let detached = self.core.change(by, move |_, tx, _| {
            if !tx.remove_manifest_label(&row.id, &label.id)? {
                return Err(unknown(number));
            }
            let event = Event::LabelDetached {
                label: label.name,
                repository: place.name,
                digest: row.digest,
            };
            Ok(((), Some(event)))
        });
        Ok(detached.await?)
    }

    /// The label of that number, when its caller may do an action to it. Whoever may not do the action to the account's
    /// labels does not learn whether there is one.
    async fn find(
        &self,
        by: &AccountContext,
        number: i64,
        action: Action,
    ) -> Result<(LabelRow, Home), Refused> {
        let found = self.find_in_account(by, number).await?;
        let Some(row) = found else {
            self.authorizer.require(by, action).await?;
            return Err(unknown(number).into());
        };
        let Some(id) = &row.namespace_id else {
            if action == Action::LabelRead {
                self.require_in_account(by, action).await?;
            } else {
                self.authorizer.require(by, action).await?;
            }
            return Ok((row, Home::Account));
        };
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_namespace_by_id(id));
        let namespace = found.await.map_err(Error::from)?;
        let namespace = namespace.ok_or_else(|| unknown(number))?;
        self.authorizer.require_in(by, &namespace, action).await?;
        Ok((row, Home::Namespace(namespace)))
    }

    /// A label that artifacts of a namespace may carry.
    async fn find_for(
        &self,
        by: &AccountContext,
        namespace: &NamespaceId,
        number: i64,
    ) -> Result<LabelRow> {
        let found = self.find_in_account(by, number).await?;
        let fits = |row: &LabelRow| row.namespace_id.as_ref().is_none_or(|id| id == namespace);
        found.filter(fits).ok_or_else(|| unknown(number))
    }

    async fn find_in_account(&self, by: &AccountContext, number: i64) -> Result<Option<LabelRow>> {
        let id = self
            .core
            .find_numbered(by.id(), Numbered::Label, number)
            .await?;
        let Some(id) = id else {
            return Ok(None);
        };
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_label(&id))
            .await?;
        Ok(found.filter(|row| row.account_id == *by.id()))
    }

    /// The account's own labels are there for whoever may use them somewhere in it.
    async fn require_in_account(&self, by: &AccountContext, action: Action) -> Result<(), Refused> {
        let who = by.authenticated();
        if matches!(who.rights, Rights::Granted) && is_good_for(&who.caller, action) {
            let visible = self
                .authorizer
                .visible_namespaces(who, by.id(), action)
                .await?;
            match visible {
                Visible::All => return Ok(()),
                Visible::Some(namespaces) if !namespaces.is_empty() => return Ok(()),
                Visible::Some(_) => {}
            }
        }
        self.authorizer.require(by, action).await
    }
}

fn unknown(number: i64) -> Error {
    Error::NotFound(format!("the label {number}"))
}

/// Labels as people see them.
pub(crate) async fn views(
    core: &Arc<Core>,
    by: &AccountContext,
    rows: Vec<LabelRow>,
) -> Result<Vec<LabelView>> {
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let numbers = core.numbers(by.id(), Numbered::Label, &ids).await?;
    let namespaces = rows.iter().filter_map(|row| row.namespace_id.as_ref());
    let namespaces: Vec<&str> = namespaces.map(NamespaceId::as_str).collect();
    let places = core
        .numbers(by.id(), Numbered::Namespace, &namespaces)
        .await?;
    let views = rows.into_iter().map(|row| {
        let namespace = row.namespace_id.as_ref();
        Ok(LabelView {
            number: numbers.of(&row.id)?,
            namespace_number: namespace.map(|id| places.of(id.as_str())).transpose()?,
            row,
        })
    });
    views.collect()
}
