//! People of an account: users, and their roles in its namespaces.

use crate::accounts::{Accounts, Management, existing, get_namespace, get_user};
use crate::authentication::ACCESS_TOKEN_PREFIX;
use crate::{Error, Result};
use keys::SecretString;
use metadata::{GrantRow, NewUser, UserRow};
use model::{Event, GrantId, Role, UserId};

/// Rows of one list.
const PAGE: i64 = 1000;

impl Accounts {
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

    async fn hash(&self, password: SecretString) -> Result<String> {
        if password.expose().starts_with(ACCESS_TOKEN_PREFIX) {
            let message = format!(
                "a password may not begin with {ACCESS_TOKEN_PREFIX}: that is how access tokens begin"
            );
            return Err(Error::Invalid(message));
        }
        keys::check_new_password(password.expose())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        self.passwords
            .hash(password)
            .await
            .map_err(|error| Error::Invalid(error.to_string()))
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
