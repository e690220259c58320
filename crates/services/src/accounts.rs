//! Managing an account: namespaces, people, roles, personal access tokens.

use crate::access::{Authenticated, Authorizer, CallerContext, Refused, Resource};
use crate::authentication::ACCESS_TOKEN_PREFIX;
use crate::core::Core;
use crate::{Error, Result};
use keys::{DeploymentKey, PasswordHasher, Purpose, Random, SecretString};
use metadata::{
    AccessTokenRow, Error as MetadataError, GrantRow, NamespaceRow, NewAccessToken, NewUser,
    Reader, UserRow,
};
use model::caller::Origin;
use model::{
    AccessTokenId, Account, AccountId, Action, Address, Event, GrantId, NamespaceId, Role, UserId,
};
use oci::{NamespaceName, ScopeActions};
use std::sync::Arc;

/// Rows of one list.
const PAGE: i64 = 1000;

/// The right to manage one account. Only [`Accounts::manage`] makes it.
pub struct Management {
    context: CallerContext,
    account: Account,
}

/// Accounts and what is in them besides images.
pub struct Accounts {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
    key: Arc<DeploymentKey>,
    passwords: Arc<PasswordHasher>,
    random: Arc<dyn Random>,
}

impl Accounts {
    pub(crate) fn new(
        core: Arc<Core>,
        authorizer: Arc<Authorizer>,
        key: Arc<DeploymentKey>,
        passwords: Arc<PasswordHasher>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            core,
            authorizer,
            key,
            passwords,
            random,
        }
    }

    /// Proves that the operator at the machine's command line may manage an account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no account of that name.
    pub fn manage_locally(&self, account: &str) -> Result<Management, Refused> {
        let context = CallerContext {
            authenticated: Arc::new(Authenticated::local_operator()),
            origin: Origin::default(),
            address: Address::Shared,
        };
        self.manage(&context, account, Action::UserManage)
    }

    /// Proves that a caller may manage an account.
    pub fn manage(
        &self,
        context: &CallerContext,
        account: &str,
        action: Action,
    ) -> Result<Management, Refused> {
        let found = self
            .core
            .metadata
            .read(|reader| reader.find_account_by_name(account));
        let account = found.map_err(Error::from)?;
        let account = account.ok_or_else(|| Error::NotFound("the account".to_owned()))?;
        self.authorizer
            .authorize_in_account(context, action, Resource::Account(&account.id))?;
        Ok(Management {
            context: context.clone(),
            account,
        })
    }

    /// Creates a namespace. Says whether the deployment's shared address knows it by its name.
    pub async fn create_namespace(
        &self,
        by: &Management,
        name: &str,
        is_public: bool,
    ) -> Result<bool> {
        let name = NamespaceName::parse(name)
            .map_err(|error| Error::NamespaceInvalid(error.to_string()))?;
        let id = NamespaceId::new(self.core.ids.next_id());
        self.change(by, move |core, tx, account| {
            let name = name.as_str();
            let claimed = tx
                .create_namespace(&id, account, name, is_public, core.now_ms())
                .map_err(|error| existing(error, &format!("the namespace {name}")))?;
            let event = Event::NamespaceCreated {
                namespace: name.to_owned(),
                is_public,
            };
            Ok((claimed, Some(event)))
        })
        .await
    }

    /// The account's namespaces by name, after `after`.
    pub async fn list_namespaces(
        &self,
        by: &Management,
        after: String,
    ) -> Result<Vec<NamespaceRow>> {
        let account = by.account.id.clone();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_namespaces(&account, &after, PAGE)?))
            .await
    }

    /// Opens a namespace to everyone, or closes it.
    pub async fn set_public(&self, by: &Management, name: &str, is_public: bool) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let namespace = get_namespace(tx, account, &name)?;
            tx.set_namespace_public(&namespace.id, is_public)?;
            Ok((
                (),
                Some(Event::NamespaceUpdated {
                    namespace: name,
                    is_public,
                }),
            ))
        })
        .await
    }

    /// Deletes a namespace that no repository was ever made in.
    ///
    /// # Errors
    /// [`Error::NamespaceInUse`].
    pub async fn delete_namespace(&self, by: &Management, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let namespace = get_namespace(tx, account, &name)?;
            tx.delete_namespace(&namespace.id)
                .map_err(|error| match error {
                    MetadataError::ReferenceViolated => Error::NamespaceInUse(name.clone()),
                    error => error.into(),
                })?;
            Ok(((), Some(Event::NamespaceDeleted { namespace: name })))
        })
        .await
    }

    /// Creates a user with a password. As administrator, it gets the whole account.
    pub async fn create_user(
        &self,
        by: &Management,
        name: &str,
        password: SecretString,
        is_administrator: bool,
    ) -> Result<()> {
        require_user_name(name)?;
        let hash = self.hash(password).await?;
        let (id, grant) = (
            UserId::new(self.core.ids.next_id()),
            GrantId::new(self.core.ids.next_id()),
        );
        let name = name.to_owned();
        self.change(by, move |core, tx, account| {
            let source_id = tx.find_password_source()?.ok_or(Error::Internal)?;
            let user = NewUser {
                id: id.clone(),
                source_id,
                name: name.clone(),
                home_account_id: account.clone(),
                password_hash: Some(hash),
            };
            tx.create_user(&user, core.now_ms())
                .map_err(|error| existing(error, &format!("the user {name}")))?;
            tx.put_membership(account, &id, core.now_ms())?;
            if is_administrator {
                tx.grant_account_role(&grant, account, &id, Role::Administrator, core.now_ms())?;
            }
            Ok(((), Some(Event::UserCreated { user: name })))
        })
        .await
    }

    /// The account's users by name, after `after`.
    pub async fn list_users(&self, by: &Management, after: String) -> Result<Vec<UserRow>> {
        let account = by.account.id.clone();
        self.core
            .metadata
            .list(move |reader| Ok(reader.list_users(&account, &after, PAGE)?))
            .await
    }

    /// Lets a user log in no longer, or again. What it was given before ends.
    pub async fn set_disabled(&self, by: &Management, name: &str, is_disabled: bool) -> Result<()> {
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let user = get_user(tx, account, &name)?;
            tx.set_user_disabled(&user.id, is_disabled)?;
            Ok((
                (),
                Some(Event::UserUpdated {
                    user: name,
                    is_disabled,
                }),
            ))
        })
        .await
    }

    /// Sets a user's password. What was got with the one before ends.
    pub async fn reset_password(
        &self,
        by: &Management,
        name: &str,
        password: SecretString,
    ) -> Result<()> {
        let hash = self.hash(password).await?;
        let name = name.to_owned();
        self.change(by, move |_, tx, account| {
            let user = get_user(tx, account, &name)?;
            tx.set_password(&user.id, &hash)?;
            Ok(((), Some(Event::PasswordReset { user: name })))
        })
        .await
    }

    /// Gives a user a role in a namespace, in place of the one it had there.
    pub async fn put_member(
        &self,
        by: &Management,
        namespace: &str,
        user: &str,
        role: Role,
    ) -> Result<()> {
        if role == Role::Administrator {
            return Err(Error::Invalid(
                "administrator is a role of accounts, not of namespaces".to_owned(),
            ));
        }
        let (namespace, user) = (namespace.to_owned(), user.to_owned());
        let grant = GrantId::new(self.core.ids.next_id());
        self.change(by, move |core, tx, account| {
            let row = get_namespace(tx, account, &namespace)?;
            let member = get_user(tx, account, &user)?;
            tx.put_membership(account, &member.id, core.now_ms())?;
            tx.put_member(&grant, (account, &row.id), &member.id, role, core.now_ms())?;
            let role = role.as_str().to_owned();
            Ok((
                (),
                Some(Event::MemberAdded {
                    namespace,
                    user,
                    role,
                }),
            ))
        })
        .await
    }

    /// Takes a user's role in a namespace.
    pub async fn delete_member(&self, by: &Management, namespace: &str, user: &str) -> Result<()> {
        let (namespace, user) = (namespace.to_owned(), user.to_owned());
        self.change(by, move |_, tx, account| {
            let row = get_namespace(tx, account, &namespace)?;
            let member = get_user(tx, account, &user)?;
            if !tx.delete_member(&row.id, &member.id)? {
                return Err(Error::NotFound(format!("a role of {user} in {namespace}")));
            }
            Ok(((), Some(Event::MemberRemoved { namespace, user })))
        })
        .await
    }

    /// Who has which role in a namespace.
    pub async fn list_members(&self, by: &Management, namespace: &str) -> Result<Vec<GrantRow>> {
        let (account, namespace) = (by.account.id.clone(), namespace.to_owned());
        self.core
            .metadata
            .list(move |reader| {
                let row = get_namespace(reader, &account, &namespace)?;
                Ok(reader.list_members(&row.id)?)
            })
            .await
    }

    /// Makes a personal access token and answers with its secret, which is shown this once.
    pub async fn create_access_token(
        &self,
        by: &Management,
        user: &str,
        name: &str,
        actions: ScopeActions,
        expires_at_ms: Option<i64>,
    ) -> Result<SecretString> {
        require_token_name(name)?;
        let secret = keys::random::generate_token(ACCESS_TOKEN_PREFIX, &*self.random);
        let secret_hash = self
            .key
            .keyed_hash(Purpose::PERSONAL_ACCESS_TOKEN, secret.expose().as_bytes());
        let id = AccessTokenId::new(self.core.ids.next_id());
        let (user, name) = (user.to_owned(), name.to_owned());
        self.change(by, move |core, tx, account| {
            let owner = get_user(tx, account, &user)?;
            let token = NewAccessToken {
                id,
                user_id: owner.id,
                name: name.clone(),
                secret_hash,
                actions,
                expires_at_ms,
            };
            tx.create_access_token(&token, core.now_ms())
                .map_err(|error| existing(error, &format!("an access token named {name}")))?;
            Ok(((), Some(Event::AccessTokenCreated { user, token: name })))
        })
        .await?;
        Ok(secret)
    }

    /// A user's personal access tokens.
    pub async fn list_access_tokens(
        &self,
        by: &Management,
        user: &str,
    ) -> Result<Vec<AccessTokenRow>> {
        let (account, user) = (by.account.id.clone(), user.to_owned());
        self.core
            .metadata
            .list(move |reader| {
                let owner = get_user(reader, &account, &user)?;
                Ok(reader.list_access_tokens(&owner.id)?)
            })
            .await
    }

    /// Ends a personal access token, and the refresh tokens got with it.
    pub async fn revoke_access_token(&self, by: &Management, user: &str, name: &str) -> Result<()> {
        let (user, name) = (user.to_owned(), name.to_owned());
        self.change(by, move |_, tx, account| {
            let owner = get_user(tx, account, &user)?;
            if !tx.delete_access_token(&owner.id, &name)? {
                return Err(Error::NotFound(format!(
                    "the access token {name} of {user}"
                )));
            }
            Ok(((), Some(Event::AccessTokenRevoked { user, token: name })))
        })
        .await
    }

    /// One transaction of a manager, with the event that it makes true.
    async fn change<T: Send + 'static>(
        &self,
        by: &Management,
        work: impl FnOnce(&Core, &mut metadata::Tx<'_>, &AccountId) -> Result<(T, Option<Event>)>
        + Send
        + 'static,
    ) -> Result<T> {
        let (core, context, account) =
            (self.core.clone(), by.context.clone(), by.account.id.clone());
        self.core
            .metadata
            .write(move |tx| {
                let (answer, event) = work(&core, tx, &account)?;
                if let Some(event) = event {
                    let caller = &context.authenticated.caller;
                    core.record_for(tx, &event, &account, (caller, &context.origin))?;
                }
                Ok(answer)
            })
            .await
    }

    async fn hash(&self, password: SecretString) -> Result<String> {
        keys::check_new_password(password.expose())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        self.passwords
            .hash(password)
            .await
            .map_err(|error| Error::Invalid(error.to_string()))
    }
}

fn get_namespace(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<NamespaceRow> {
    let found = reader.find_namespace(&Address::Account(account.clone()), name)?;
    found.ok_or_else(|| Error::NotFound(format!("the namespace {name}")))
}

/// The account's user of that name; others do not exist for whoever manages it.
fn get_user(reader: &Reader<'_>, account: &AccountId, name: &str) -> Result<UserRow> {
    let unknown = || Error::NotFound(format!("the user {name}"));
    let user = reader.find_user_by_name(name)?.ok_or_else(unknown)?;
    if reader.is_member(account, &user.id)? {
        Ok(user)
    } else {
        Err(unknown())
    }
}

fn existing(error: MetadataError, what: &str) -> Error {
    match error {
        MetadataError::AlreadyExists => Error::AlreadyExists(what.to_owned()),
        error => error.into(),
    }
}

/// Names go into `Authorization: Basic` headers, logs and tables.
fn require_user_name(name: &str) -> Result<()> {
    let is_fine = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with("robot$")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+'));
    if is_fine {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a user name has 1 to 255 letters, digits, '.', '_', '-', '@' or '+'".to_owned(),
        ))
    }
}

fn require_token_name(name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::Invalid(
            "a token's name has 1 to 255 bytes of printable text".to_owned(),
        ))
    }
}
