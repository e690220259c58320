//! Logins with a name and a password that a directory knows.
//!
//! A password is shown to no directory but those of the account that is meant and those of the deployment: otherwise any
//! account's administrator could gather other people's passwords with a directory of its own. The account is the one named
//! with the user (`ann@acme`), else the one whose own address is used, else `default`.
//!
//! Whoever has a name here is asked for at its own source, by what that calls it for ever, and nowhere else. Where an account
//! is named, that is so for its members only: its directory may have a name that is somebody's in another account. A name that
//! nobody has here is looked for in the account's directories by their names, then in the deployment's; the first that knows
//! it decides.

use super::{Asked, Authenticator, Checked, password_failed};
use crate::directories::{Verdict, Whom, unavailable};
use crate::logins::{Arrival, LoginRefused, arrive};
use crate::{AuthenticationFailed, DEFAULT_ACCOUNT, Error, Result};
use keys::SecretString;
use keys::password::{Gate, MAX_PASSWORD_BYTES};
use metadata::{ExternalUserRow, LdapSourceRow};
use model::caller::Origin;
use model::{AccountId, CredentialKind, UserId};
use std::net::IpAddr;

/// The longest name that a directory is asked for.
const MAX_NAME_BYTES: usize = 255;

/// What may be asked, and about whom.
struct Plan {
    sources: Vec<LdapSourceRow>,
    /// The user of that name, for whom its own source alone is asked.
    known: Option<ExternalUserRow>,
}

impl Authenticator {
    /// Who has that name and password in a directory. A name that is nobody's costs what a wrong password costs.
    pub(super) async fn check_elsewhere(
        &self,
        asked: Asked<'_>,
        password: SecretString,
        gate: &impl Gate,
        from: IpAddr,
    ) -> Result<Checked, AuthenticationFailed> {
        match Box::pin(self.check_directories(asked, &password, from)).await {
            Ok(Some(checked)) => return Ok(checked),
            Ok(None) | Err(AuthenticationFailed::Wrong) => {}
            Err(failed) => return Err(failed),
        }
        let checked = self.passwords.verify_dummy(password, gate).await;
        checked.map_err(password_failed)?;
        Err(AuthenticationFailed::Wrong)
    }

    /// The same; `None` when no directory knows the name.
    ///
    /// # Errors
    /// [`AuthenticationFailed::Wrong`]; [`Error::DirectoryUnavailable`] when a directory that might know it does not answer.
    pub(super) async fn check_directories(
        &self,
        asked: Asked<'_>,
        password: &SecretString,
        from: IpAddr,
    ) -> Result<Option<Checked>, AuthenticationFailed> {
        let is_fine = !asked.name.is_empty()
            && asked.name.len() <= MAX_NAME_BYTES
            && !asked.name.chars().any(char::is_control)
            && (1..=MAX_PASSWORD_BYTES).contains(&password.len());
        if !is_fine {
            return Ok(None);
        }
        let Plan { sources, known } = self.plan(asked).await?;
        let mut silent = None;
        for source in sources {
            let whom = match &known {
                Some(known) => Whom::Subject(&known.subject),
                None => Whom::Name(asked.name),
            };
            // What speaks with a directory is large, and few requests do: in its own place, none pays for it.
            let checking = self.directories.check_password(&source, whom, password);
            match Box::pin(checking).await {
                Ok(Verdict::Right(person)) => {
                    let arrival = Arrival::of_person(source, *person);
                    return self.arrived(arrival, from).await.map(Some);
                }
                Ok(Verdict::Wrong) => return Err(AuthenticationFailed::Wrong),
                Ok(Verdict::Unknown) => {}
                Err(_) => silent = Some(unavailable(&source)),
            }
        }
        silent.map_or(Ok(None), |error| Err(error.into()))
    }

    async fn arrived(
        &self,
        arrival: Arrival,
        from: IpAddr,
    ) -> Result<Checked, AuthenticationFailed> {
        let origin = Origin {
            address: Some(from),
            ..Origin::default()
        };
        match arrive(&self.core, arrival, &origin).await {
            Ok(user) => Ok(Checked::user(&user, CredentialKind::IdentitySource, None)),
            Err(LoginRefused::Failed(error)) => Err(error.into()),
            Err(_) => Err(AuthenticationFailed::Wrong),
        }
    }

    async fn plan(&self, asked: Asked<'_>) -> Result<Plan> {
        let planned = self.core.metadata.read(|reader| {
            let account = match asked.account {
                Some(account) => Some(account.clone()),
                None => reader
                    .find_account_by_name(DEFAULT_ACCOUNT)?
                    .map(|account| account.id),
            };
            let mut sources = reader.list_ldap_sources(account.as_ref())?;
            if account.is_some() {
                sources.extend(reader.list_ldap_sources(None)?);
            }
            sources.retain(|source| !source.is_disabled);
            let known = if sources.is_empty() {
                None
            } else {
                reader.find_external_user_named(asked.name)?
            };
            let known = match (known, asked.account) {
                (Some(known), Some(account)) if !reader.is_member(account, &known.user.id)? => None,
                (known, _) => known,
            };
            if let Some(known) = &known {
                sources.retain(|source| source.id == known.source_id);
            }
            Ok::<_, Error>(Plan { sources, known })
        });
        planned.await
    }

    /// Whether a name that is somebody's may be somebody else's in the account that is meant.
    pub(super) async fn is_stranger(
        &self,
        account: Option<&AccountId>,
        user: &UserId,
    ) -> Result<bool> {
        let Some(account) = account else {
            return Ok(false);
        };
        let is_member = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.is_member(account, user)?));
        Ok(!is_member.await?)
    }
}
