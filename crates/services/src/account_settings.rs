//! What an account's administrators decide about it: Harbor's system settings, as far as they are an account's.

use crate::access::{Refused, Rights};
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::credential_scope::is_good_for;
use crate::pulls_kept::PullsKept;
use crate::{Error, Result};
use metadata::{AccountSettings as Stored, PullTimes};
use model::{AccountId, Action, Event};
use serde_json::Value;
use std::sync::Arc;

/// For how many days a robot account is made when nobody says.
const ROBOT_DURATION_DAYS: i64 = 30;
const MAX_BANNER_CHARS: usize = 4096;

const ROBOT_DURATION: &str = "robot_duration_days";
const MEMBERS_CREATE: &str = "members_create_namespaces";
const BANNER: &str = "banner_message";
const STORAGE_PER_NAMESPACE: &str = "storage_per_namespace";
const COUNTS_PULLS: &str = "counts_pulls";
const KEEPS_PULL_TIMES: &str = "keeps_pull_times";

/// An account's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// For how many days a robot account is made when nobody says; -1 for ever.
    pub robot_duration_days: i64,
    /// Whether every member of the account may make namespaces, and not its administrators alone.
    pub members_create_namespaces: bool,
    /// What everyone who uses the account reads; empty for nothing.
    pub banner_message: String,
    /// The limit that new namespaces get, in bytes; -1 for none.
    pub storage_per_namespace: i64,
    /// Whether pulls of repositories and artifacts are counted.
    pub counts_pulls: bool,
    /// Whether it is kept when repositories and artifacts were last pulled.
    pub keeps_pull_times: bool,
}

/// Settings to be changed; `None` leaves one alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettingsChange {
    /// See [`AccountSettings::robot_duration_days`].
    pub robot_duration_days: Option<i64>,
    /// See [`AccountSettings::members_create_namespaces`].
    pub members_create_namespaces: Option<bool>,
    /// See [`AccountSettings::banner_message`].
    pub banner_message: Option<String>,
    /// See [`AccountSettings::storage_per_namespace`].
    pub storage_per_namespace: Option<i64>,
    /// See [`AccountSettings::counts_pulls`].
    pub counts_pulls: Option<bool>,
    /// See [`AccountSettings::keeps_pull_times`].
    pub keeps_pull_times: Option<bool>,
}

impl AccountSettings {
    /// What is not stored, or not as this release writes it, is as if nobody had set it.
    pub(crate) fn of(stored: &Stored) -> Self {
        let get = |name: &str| stored.get(name);
        let is_on = |name: &str| get(name).and_then(Value::as_bool).unwrap_or(true);
        Self {
            robot_duration_days: get(ROBOT_DURATION)
                .and_then(Value::as_i64)
                .unwrap_or(ROBOT_DURATION_DAYS),
            members_create_namespaces: get(MEMBERS_CREATE)
                .and_then(Value::as_bool)
                .unwrap_or(false),
            banner_message: get(BANNER)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            storage_per_namespace: get(STORAGE_PER_NAMESPACE)
                .and_then(Value::as_i64)
                .unwrap_or(-1),
            counts_pulls: is_on(COUNTS_PULLS),
            keeps_pull_times: is_on(KEEPS_PULL_TIMES),
        }
    }
}

impl AccountSettingsChange {
    fn check(&self) -> Result<()> {
        if let Some(days) = self.robot_duration_days
            && !(days == -1 || (1..1 << 31).contains(&days))
        {
            return Err(Error::Invalid(
                "robot accounts are made for a number of days, or -1 for ever".to_owned(),
            ));
        }
        if self.storage_per_namespace.is_some_and(|limit| limit < -1) {
            return Err(Error::Invalid(
                "namespaces get a limit of bytes, or -1 for none".to_owned(),
            ));
        }
        let is_long = |text: &String| text.chars().count() > MAX_BANNER_CHARS;
        if self.banner_message.as_ref().is_some_and(is_long) {
            return Err(Error::Invalid(format!(
                "a banner message has {MAX_BANNER_CHARS} characters at most"
            )));
        }
        Ok(())
    }

    /// The settings that it names, with their new values.
    fn values(self) -> Vec<(&'static str, Value)> {
        let values = [
            (ROBOT_DURATION, self.robot_duration_days.map(Value::from)),
            (
                MEMBERS_CREATE,
                self.members_create_namespaces.map(Value::from),
            ),
            (BANNER, self.banner_message.map(Value::from)),
            (
                STORAGE_PER_NAMESPACE,
                self.storage_per_namespace.map(Value::from),
            ),
            (COUNTS_PULLS, self.counts_pulls.map(Value::from)),
            (KEEPS_PULL_TIMES, self.keeps_pull_times.map(Value::from)),
        ];
        let named = values
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        named.collect()
    }
}

/// Since when it is kept without a gap when things of a namespace are pulled, in milliseconds: 0 for always, `None` while it is
/// not. An account that never said anything always kept it.
pub(crate) fn pull_times_since(stored: &PullTimes) -> Option<i64> {
    let settings = AccountSettings::of(&stored.settings);
    let kept = PullsKept::of(&settings, &stored.namespace_settings);
    kept.times.then(|| {
        let of_account = stored
            .account_since_ms
            .filter(|_| stored.settings.contains_key(KEEPS_PULL_TIMES));
        of_account.max(stored.namespace_since_ms).unwrap_or(0)
    })
}

/// An account's settings, for whoever has to follow them.
pub(crate) async fn read(core: &Core, account: &AccountId) -> Result<AccountSettings> {
    let stored = core
        .metadata
        .read(|reader| Ok::<_, Error>(reader.find_account_settings(account)?));
    Ok(AccountSettings::of(&stored.await?))
}

/// The settings of accounts.
pub struct AccountSettingsService {
    pub(crate) core: Arc<Core>,
    pub(crate) authorizer: Arc<Authorizer>,
}

impl AccountSettingsService {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The settings, for those who manage the account.
    pub async fn get(&self, by: &AccountContext) -> Result<AccountSettings, Refused> {
        self.authorizer
            .require(by, Action::ConfigurationRead)
            .await?;
        Ok(read(&self.core, by.id()).await?)
    }

    /// What everyone may read of them: all but the banner is for those who are logged in.
    pub async fn published(&self, by: &AccountContext) -> Result<AccountSettings> {
        read(&self.core, by.id()).await
    }

    /// Changes settings: all that are named, or none.
    pub async fn update(
        &self,
        by: &AccountContext,
        change: AccountSettingsChange,
    ) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::ConfigurationUpdate)
            .await?;
        change.check()?;
        let values = change.values();
        if values.is_empty() {
            return Ok(());
        }
        let updated = self.core.change(by, move |core, tx, account| {
            let now_ms = core.now_ms();
            let mut stored = tx.take_account_settings(account, now_ms)?;
            let is_kept = AccountSettings::of(&stored).keeps_pull_times;
            let asks_for_times = values.iter().any(|(name, _)| *name == KEEPS_PULL_TIMES);
            let was_always = !stored.contains_key(KEEPS_PULL_TIMES);
            let names = values.iter().map(|(name, _)| (*name).to_owned()).collect();
            stored.extend(
                values
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
            tx.put_account_settings(account, &stored, now_ms)?;
            if AccountSettings::of(&stored).keeps_pull_times != is_kept {
                tx.set_pull_times_since(account, Some(now_ms))?;
            } else if asks_for_times && was_always {
                tx.set_pull_times_since(account, None)?;
            }
            Ok(((), Some(Event::ConfigurationUpdated { settings: names })))
        });
        Ok(updated.await?)
    }
}

impl Authorizer {
    /// Whether the caller may make a namespace: by its rights, or as a member of an account whose members all may.
    pub(crate) async fn require_namespace_create(
        &self,
        by: &AccountContext,
    ) -> Result<(), Refused> {
        let action = Action::NamespaceCreate;
        match self.require(by, action).await {
            Err(Refused::Forbidden) if self.is_member_that_may(by, action).await? => Ok(()),
            decided => decided,
        }
    }

    async fn is_member_that_may(&self, by: &AccountContext, action: Action) -> Result<bool> {
        let who = by.authenticated();
        let Some(user) = who.caller.user_id() else {
            return Ok(false);
        };
        if matches!(who.rights, Rights::Token(_))
            || !is_good_for(&who.caller, action)
            || !read(&self.core, by.id()).await?.members_create_namespaces
            // Whoever may not log in any more.
            || self.find_rights(&who.caller).await?.is_none()
        {
            return Ok(false);
        }
        self.core
            .metadata
            .read(|reader| Ok(reader.is_member(by.id(), user)?))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_never_set_or_cannot_be_read_has_its_default() {
        let expected = AccountSettings {
            robot_duration_days: 30,
            members_create_namespaces: false,
            banner_message: String::new(),
            storage_per_namespace: -1,
            counts_pulls: true,
            keeps_pull_times: true,
        };
        assert_eq!(AccountSettings::of(&Stored::new()), expected);
        let strange: Stored = [
            (ROBOT_DURATION.to_owned(), json!("many")),
            (MEMBERS_CREATE.to_owned(), json!(1)),
            ("of a later release".to_owned(), json!([])),
        ]
        .into();
        assert_eq!(AccountSettings::of(&strange), expected);
    }

    #[test]
    fn a_duration_is_days_or_for_ever() {
        let of = |days| AccountSettingsChange {
            robot_duration_days: Some(days),
            ..AccountSettingsChange::default()
        };
        for (days, is_fine) in [
            (-1, true),
            (1, true),
            (0, false),
            (-2, false),
            (1 << 31, false),
        ] {
            assert_eq!(of(days).check().is_ok(), is_fine, "{days}");
        }
        let names: Vec<_> = of(7).values().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [ROBOT_DURATION]);
    }
}
