//! People and groups of an account's directories, for its administrators: looked for, and let in before they come.
//!
//! The directories are the account's own that are not disabled, by name; the first of them where one is meant. The
//! deployment's are for its operators.

use super::{IdentitySources, LdapSourceSpec, ldap_rules};
use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::directories::{DirectoryGroup, Person, unavailable};
use crate::logins::{Arrival, NamedGroup, Voucher, onboard, source_group};
use crate::operators::{OperatorAction, OperatorContext};
use crate::{Error, Result};
use metadata::{LdapSourceRow, UserRow};
use model::{AccountId, Action, Event, GroupId, IdentitySourceId};
use outbound::DirectoryFailed;
use outbound::directory::comparable_name;

/// People that are let in at once.
const MAX_PEOPLE: usize = 100;
/// The longest text that is looked for.
const MAX_TEXT_BYTES: usize = 255;

/// Somebody in a directory, as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPerson {
    /// The name with which it logs in.
    pub name: String,
    /// What people call it; may be empty.
    pub real_name: String,
    /// An address for mail; may be empty.
    pub email: String,
}

/// How a trial of a source went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTrial {
    /// Whether people could log in by it.
    pub works: bool,
    /// What is wrong, and what to do.
    pub message: String,
}

impl SourceTrial {
    fn failed(message: &str) -> Self {
        Self {
            works: false,
            message: message.to_owned(),
        }
    }

    fn of_directory(found: Result<bool, DirectoryFailed>) -> Self {
        let message = match found {
            Ok(true) => {
                return Self {
                    works: true,
                    message: String::new(),
                };
            }
            Ok(false) => "the directory has no entry base_dn, or does not show it".to_owned(),
            Err(error @ (DirectoryFailed::NotLetIn | DirectoryFailed::Answered { .. })) => {
                error.to_string()
            }
            Err(DirectoryFailed::Tls(_)) => {
                "no secure connection: the directory's certificate is not one that is believed, or it does not do TLS; see \
                 ca_certificates"
                    .to_owned()
            }
            // Which of these it is tells of networks that are not the account's.
            Err(_) => {
                "the directory does not answer as one has to, or the deployment does not allow connections to go there"
                    .to_owned()
            }
        };
        Self::failed(&message)
    }
}

fn require_text(text: &str) -> Result<()> {
    if text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "what is looked for has {MAX_TEXT_BYTES} bytes at most, and no control characters"
    )))
}

impl IdentitySources {
    /// Tries whether people could log in by a source of the account.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn test(&self, by: &AccountContext, name: &str) -> Result<SourceTrial, Refused> {
        let action = Action::IdentitySourceUpdate;
        self.authorizer.require(by, action).await?;
        Ok(self.try_source(Some(by.id()), name).await?)
    }

    /// The same of the deployment.
    pub async fn test_of_deployment(
        &self,
        by: &OperatorContext,
        name: &str,
    ) -> Result<SourceTrial, Refused> {
        let action = OperatorAction::IdentitySourceUpdate;
        self.authorizer.require_operator(by, action)?;
        Ok(self.try_source(None, name).await?)
    }

    async fn try_source(&self, owner: Option<&AccountId>, name: &str) -> Result<SourceTrial> {
        if let Some(source) = self.find_ldap(owner, name).await? {
            let found = self.directories.ping(&source, None).await;
            return Ok(SourceTrial::of_directory(found));
        }
        let source = self.find(owner, name).await?;
        Ok(match self.issuers.ping(&source.issuer).await {
            Ok(()) => SourceTrial {
                works: true,
                message: String::new(),
            },
            Err(_) => SourceTrial::failed(
                "the issuer does not answer as one has to, or the deployment does not allow requests to go there",
            ),
        })
    }

    /// Tries whether people could log in by a directory as described, or by the account's first.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`].
    pub async fn ping_ldap(
        &self,
        by: &AccountContext,
        spec: Option<LdapSourceSpec>,
    ) -> Result<SourceTrial, Refused> {
        let action = Action::IdentitySourceCreate;
        self.authorizer.require(by, action).await?;
        let Some(spec) = spec else {
            let source = self.first_ldap(by).await?;
            let found = self.directories.ping(&source, None).await;
            return Ok(SourceTrial::of_directory(found));
        };
        // The stored password goes only where it goes anyway.
        let stored = match self.first_ldap(by).await {
            Ok(first) if spec.bind_password.is_none() => Some(first).filter(|first| {
                first.settings.bind_dn == spec.settings.bind_dn
                    && !ldap_rules::goes_elsewhere(&first.settings, &spec.settings)
            }),
            _ => None,
        };
        let has_stored = |one: &LdapSourceRow| one.sealed_bind_password.is_some();
        let has_password = spec.bind_password.is_some() || stored.as_ref().is_some_and(has_stored);
        let client = self.directories.client();
        ldap_rules::require_spec(client, "ping", &spec, has_password)?;
        if let Some(stored) = stored {
            let source = LdapSourceRow {
                settings: spec.settings,
                ..stored
            };
            let found = self.directories.ping(&source, None).await;
            return Ok(SourceTrial::of_directory(found));
        }
        let source = LdapSourceRow {
            id: IdentitySourceId::new(format!("ping {}", by.id().as_str())),
            account_id: Some(by.id().clone()),
            home_account_id: by.id().clone(),
            name: "ping".to_owned(),
            settings: spec.settings,
            sealed_bind_password: None,
            onboards: false,
            is_disabled: true,
            created_at_ms: 0,
            updated_at_ms: 0,
        };
        let found = self.directories.ping(&source, spec.bind_password.as_ref());
        Ok(SourceTrial::of_directory(found.await))
    }

    /// The first people of the account's first directory whose name has this text in it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DirectoryUnavailable`].
    pub async fn search_people(
        &self,
        by: &AccountContext,
        text: &str,
    ) -> Result<Vec<DirectoryPerson>, Refused> {
        self.authorizer.require(by, Action::LdapUserList).await?;
        require_text(text)?;
        let source = self.first_ldap(by).await?;
        let found = self.directories.search_people(&source, text).await;
        let found = found.map_err(|_| unavailable(&source))?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// The groups of the account's first directory whose name has this text in it, or the one with this entry.
    ///
    /// # Errors
    /// The same.
    pub async fn search_directory_groups(
        &self,
        by: &AccountContext,
        text: &str,
        entry: Option<&str>,
    ) -> Result<Vec<DirectoryGroup>, Refused> {
        self.authorizer.require(by, Action::LdapUserList).await?;
        require_text(text)?;
        let source = self.first_ldap(by).await?;
        let found = match entry {
            Some(entry) => {
                let found = self.directories.find_group(&source, entry).await;
                found.map(|group| group.into_iter().collect())
            }
            None => self.directories.search_groups(&source, text).await,
        };
        Ok(found.map_err(|_| unavailable(&source))?)
    }

    /// Makes users of people who have not come yet. Answers with those for whom that did not work, and why.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than a hundred; [`Error::NotFound`], [`Error::DirectoryUnavailable`].
    pub async fn import_people(
        &self,
        by: &AccountContext,
        names: Vec<String>,
    ) -> Result<Vec<(String, String)>, Refused> {
        self.authorizer.require(by, Action::LdapUserCreate).await?;
        if names.is_empty() || names.len() > MAX_PEOPLE {
            let message = format!("name 1 to {MAX_PEOPLE} people");
            return Err(Error::Invalid(message).into());
        }
        let source = self.first_ldap(by).await?;
        let mut failed = Vec::new();
        for name in names {
            if name.is_empty() || require_text(&name).is_err() {
                failed.push((name, "nobody can be called so".to_owned()));
                continue;
            }
            let found = self.directories.find_person(&source, &name).await;
            match found.map_err(|_| unavailable(&source))? {
                Some(person) => self.let_in(by, source.clone(), person).await?,
                None => failed.push((name, "the directory knows nobody of that name".to_owned())),
            }
        }
        Ok(failed)
    }

    async fn let_in(
        &self,
        by: &AccountContext,
        source: LdapSourceRow,
        person: Person,
    ) -> Result<()> {
        let arrival = Arrival::of_person(source, person);
        let let_in = self.core.change(by, move |core, tx, _| {
            let (id, subject) = (&arrival.voucher.id, &arrival.subject);
            if tx.find_external_user(id, subject)?.is_some() {
                return Ok(((), None));
            }
            let UserRow { id: user, name, .. } = onboard(core, tx, &arrival)?;
            tx.put_external_user(&user, (id, subject), core.now_ms())?;
            Ok(((), Some(Event::UserCreated { user: name })))
        });
        let_in.await
    }

    /// The account's group that stands for a group of its first directory; made when the directory has it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::DirectoryUnavailable`].
    pub async fn adopt_group(
        &self,
        by: &AccountContext,
        entry: &str,
        name: &str,
    ) -> Result<i64, Refused> {
        self.authorizer.require(by, Action::UserGroupCreate).await?;
        require_text(name)?;
        let nothing = || Error::NotFound(format!("the group {entry} in the directory"));
        if entry.len() > 1024 || entry.chars().any(char::is_control) {
            return Err(nothing().into());
        }
        let source = self.first_ldap(by).await?;
        let found = self.directories.find_group(&source, entry).await;
        let found = found.map_err(|_| unavailable(&source))?;
        let found = found.ok_or_else(nothing)?;
        let named = NamedGroup {
            name: if name.is_empty() {
                found.name
            } else {
                name.to_owned()
            },
            shown: found.entry,
        };
        let voucher = Voucher::directory(source);
        let adopted = self.core.change(by, move |core, tx, account| {
            let external_name = comparable_name(&named.shown);
            let group = source_group(core, tx, &voucher, (&external_name, &named))?;
            let group: GroupId = group.ok_or_else(|| {
                Error::AlreadyExists(format!("a group of the name {}", named.name))
            })?;
            let number = tx.give_number(account, metadata::Numbered::Group, group.as_str())?;
            Ok((number, None))
        });
        Ok(adopted.await?)
    }

    async fn first_ldap(&self, by: &AccountContext) -> Result<LdapSourceRow> {
        let own = Some(by.id());
        let found = self
            .core
            .metadata
            .read(|reader| reader.list_ldap_sources(own));
        let mut sources = found.await?.into_iter();
        let first = sources.find(|source| !source.is_disabled);
        first.ok_or_else(|| {
            Error::Invalid(
                "this account has no directory by which people log in; add an identity source of the kind ldap".to_owned(),
            )
        })
    }
}

fn shown(person: Person) -> DirectoryPerson {
    DirectoryPerson {
        name: person.name,
        real_name: person.real_name,
        email: person.email,
    }
}
