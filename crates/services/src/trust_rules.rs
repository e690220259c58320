//! Rules by which workloads elsewhere are trusted: whose tokens are believed, which of them, and what they then allow.

mod rules;

use crate::access::Refused;
use crate::account_access::AccountContext;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::robots::permissions::{NamedPermission, named, require_passable, resolve};
use crate::{Error, Result};
use metadata::{Error as MetadataError, ListQuery, Listed, TrustRuleRow};
use model::{AccountId, Action, Event, PermissionScope, TrustRuleId};
use outbound::HttpClient;
pub(crate) use rules::{LONGEST_WORKLOAD_TOKEN_MS, fits, require_issuer, require_rule_name};
use rules::{lifetime, require_claims, require_texts};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Trust rules of one account.
const MAX_RULES: i64 = 100;

/// Everything of a trust rule but its name.
#[derive(Clone, Debug)]
pub struct TrustRuleSpec {
    /// What people say of it.
    pub description: String,
    /// Whose tokens it believes: a URL, exactly as the tokens have it.
    pub issuer: String,
    /// For whom they must be.
    pub audience: String,
    /// What their claims have to be like. Every claim here must be there as a text, a number, or true or false, and be like
    /// one of its patterns, from its first letter to its last: `*` is any run without `/`, `**` any run at all.
    pub claims: BTreeMap<String, Vec<String>>,
    /// What workloads may do by it.
    pub permissions: Vec<NamedPermission>,
    /// How long the registry tokens live that are got by it, 60 to 3600 s; `None` for as long as others.
    pub token_lifetime_secs: Option<i64>,
    /// Whether it believes nobody at present.
    pub is_disabled: bool,
}

/// A trust rule as people see it.
#[derive(Clone, Debug)]
pub struct TrustRuleView {
    /// Its name.
    pub name: String,
    /// The rest.
    pub spec: TrustRuleSpec,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// When it was last used, to within some minutes; `None` for never.
    pub last_used_at_ms: Option<i64>,
}

/// Trust rules.
pub struct TrustRules {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    client: HttpClient,
}

impl TrustRules {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>, client: HttpClient) -> Self {
        Self {
            core,
            authorizer,
            client,
        }
    }

    /// The account's trust rules. Fields: `name`, `issuer`; by name.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<TrustRuleView>, Refused> {
        self.authorizer.require(by, Action::TrustRuleList).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_trust_rules(&account, &query)?));
        let Listed { items, total } = listed.await?;
        Ok(Listed {
            items: self.views(by.id(), items).await?,
            total,
        })
    }

    /// A trust rule.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, by: &AccountContext, name: &str) -> Result<TrustRuleView, Refused> {
        self.authorizer.require(by, Action::TrustRuleRead).await?;
        let row = self.find(by.id(), name).await?;
        let mut views = self.views(by.id(), vec![row]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Makes a trust rule. Nobody can give more by it than it holds itself.
    ///
    /// # Errors
    /// [`Error::BeyondOwnRights`], [`Error::AlreadyExists`], [`Error::Invalid`]; [`Error::NotNow`] beyond 100 rules.
    pub async fn create(
        &self,
        by: &AccountContext,
        name: String,
        spec: TrustRuleSpec,
    ) -> Result<TrustRuleView, Refused> {
        self.authorizer.require(by, Action::TrustRuleCreate).await?;
        require_rule_name(&name)?;
        let row = self.checked(by, name, spec, None).await?;
        require_passable(&self.authorizer, by, &row.permissions).await?;
        let new = row.clone();
        let created = self.core.change(by, move |_, tx, account| {
            if tx.count_trust_rules(account)? >= MAX_RULES {
                let message =
                    format!("the account has {MAX_RULES} trust rules, as many as there can be");
                return Err(Error::NotNow(message));
            }
            tx.create_trust_rule(&new).map_err(|error| match error {
                MetadataError::AlreadyExists => {
                    Error::AlreadyExists(format!("the trust rule {}", new.name))
                }
                error => error.into(),
            })?;
            let event = Event::TrustRuleCreated {
                trust_rule: new.name,
                issuer: new.issuer,
                permissions: new.permissions,
            };
            Ok(((), Some(event)))
        });
        created.await?;
        let mut views = self.views(by.id(), vec![row]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Changes a trust rule. Its name stays.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::BeyondOwnRights`], [`Error::Invalid`].
    pub async fn update(
        &self,
        by: &AccountContext,
        name: &str,
        spec: TrustRuleSpec,
    ) -> Result<TrustRuleView, Refused> {
        self.authorizer.require(by, Action::TrustRuleUpdate).await?;
        let old = self.find(by.id(), name).await?;
        let row = self.checked(by, old.name.clone(), spec, Some(&old)).await?;
        // Whom it trusts may be others now, so what it allows is given anew.
        require_passable(&self.authorizer, by, &row.permissions).await?;
        let changed = row.clone();
        let updated = self.core.change(by, move |core, tx, _| {
            if !tx.update_trust_rule(&changed, core.now_ms())? {
                return Err(unknown(&changed.name));
            }
            let event = Event::TrustRuleUpdated {
                trust_rule: changed.name,
                issuer: changed.issuer,
                permissions: changed.permissions,
                is_disabled: changed.is_disabled,
            };
            Ok(((), Some(event)))
        });
        updated.await?;
        let mut views = self.views(by.id(), vec![row]).await?;
        Ok(views.pop().ok_or(Error::Internal)?)
    }

    /// Deletes a trust rule. Registry tokens that were got by it end with their lifetime.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(&self, by: &AccountContext, name: &str) -> Result<(), Refused> {
        self.authorizer.require(by, Action::TrustRuleDelete).await?;
        let name = name.to_owned();
        let deleted = self.core.change(by, move |_, tx, account| {
            let row = tx.find_trust_rule_by_name(account, &name)?;
            let row = row.ok_or_else(|| unknown(&name))?;
            tx.delete_trust_rule(&row.id)?;
            Ok(((), Some(Event::TrustRuleDeleted { trust_rule: name })))
        });
        Ok(deleted.await?)
    }

    async fn find(&self, account: &AccountId, name: &str) -> Result<TrustRuleRow> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_trust_rule_by_name(account, name));
        found.await?.ok_or_else(|| unknown(name))
    }

    /// What was asked for, as it is stored.
    async fn checked(
        &self,
        by: &AccountContext,
        name: String,
        spec: TrustRuleSpec,
        old: Option<&TrustRuleRow>,
    ) -> Result<TrustRuleRow, Refused> {
        require_texts(&spec)?;
        require_issuer(&self.client, &spec.issuer)?;
        require_claims(&spec.claims)?;
        let token_lifetime_secs = lifetime(
            spec.token_lifetime_secs,
            self.core.settings.token_lifetime_ms,
        )?;
        let now_ms = self.core.now_ms();
        Ok(TrustRuleRow {
            id: match old {
                Some(old) => old.id.clone(),
                None => TrustRuleId::new(self.core.ids.next_id()),
            },
            account_id: by.id().clone(),
            name,
            permissions: resolve(&self.authorizer, by, &spec.permissions).await?,
            description: spec.description,
            issuer: spec.issuer,
            audience: spec.audience,
            claims: spec.claims,
            token_lifetime_secs,
            is_disabled: spec.is_disabled,
            created_at_ms: old.map_or(now_ms, |old| old.created_at_ms),
            updated_at_ms: now_ms,
            last_used_at_ms: old.and_then(|old| old.last_used_at_ms),
        })
    }

    async fn views(
        &self,
        account: &AccountId,
        rows: Vec<TrustRuleRow>,
    ) -> Result<Vec<TrustRuleView>> {
        let mut namespaces: Vec<&str> = rows
            .iter()
            .flat_map(|row| &row.permissions)
            .filter_map(|permission| match &permission.scope {
                PermissionScope::Namespace(id) => Some(id.as_str()),
                PermissionScope::Account | PermissionScope::Namespaces => None,
            })
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let names = self
            .core
            .metadata
            .read(|reader| Ok::<_, Error>(reader.find_namespace_names(account, &namespaces)?))
            .await?;
        Ok(rows.into_iter().map(|row| view(row, &names)).collect())
    }
}

fn view(row: TrustRuleRow, names: &HashMap<String, String>) -> TrustRuleView {
    TrustRuleView {
        spec: TrustRuleSpec {
            permissions: named(&row.permissions, names),
            description: row.description,
            issuer: row.issuer,
            audience: row.audience,
            claims: row.claims,
            token_lifetime_secs: Some(row.token_lifetime_secs),
            is_disabled: row.is_disabled,
        },
        name: row.name,
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
        last_used_at_ms: row.last_used_at_ms,
    }
}

fn unknown(name: &str) -> Error {
    Error::NotFound(format!("the trust rule {name}"))
}
