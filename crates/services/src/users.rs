//! Users of an account: who they are, what they may say of themselves, and who may change what about them.

use crate::access::{Refused, Rights};
use crate::account_access::AccountContext;
use crate::accounts::{Accounts, existing, get_own_user, require_same};
use crate::administrators::last_administrator_of;
use crate::credential_scope::is_good_for;
use crate::management_tokens::{API_KEY_USER, MANAGEMENT_TOKEN_USER};
use crate::{Error, Result};
use keys::SecretString;
use metadata::{
    ListQuery, Listed, NewUser, Numbered, Reader, Turn, UserDetails, UserProfile, UserRow,
};
use model::robot::is_robot_name;
use model::{AccountId, Action, Event, GrantId, Role, UserId};

/// Rows of one list.
const PAGE: i64 = 1000;
/// The longest text of a profile, in bytes.
const PROFILE_BYTES: usize = 255;

/// A user as people see it.
#[derive(Clone, Debug)]
pub struct UserView {
    /// Harbor's number for it in the account.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub profile: UserProfile,
    /// Whether it administers the account.
    pub is_administrator: bool,
    /// When it was made.
    pub created_at_ms: i64,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewAccountUser {
    /// Its name.
    pub name: String,
    /// Its password.
    pub password: SecretString,
    /// What it says of itself.
    pub profile: UserProfile,
    /// Whether it gets the whole account.
    pub is_administrator: bool,
}

impl Accounts {
    /// The user who is calling.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`] for whoever is no user.
    pub async fn current_user(&self, by: &AccountContext) -> Result<UserView, Refused> {
        let user = by.authenticated().caller.user_id();
        let user = user.ok_or(Refused::Unauthenticated)?;
        let found = self.core.metadata.read(|reader| {
            let row = reader.find_user(user)?;
            Ok::<_, Error>(row.map(|row| (row, reader.find_user_profile(user))))
        });
        let (row, profile) = found.await?.ok_or(Refused::Unauthenticated)?;
        let number = self.core.number(by.id(), Numbered::User, row.id.as_str());
        let is_administrator = self.authorizer.allows(by, Action::AccountUpdate).await?;
        Ok(UserView {
            number: number.await?,
            name: row.name,
            profile: profile.map_err(Error::from)?,
            is_administrator,
            created_at_ms: row.created_at_ms,
        })
    }

    /// Creates a user with a password. As administrator, it gets the whole account. Answers with Harbor's number for it.
    pub async fn create_user(
        &self,
        by: &AccountContext,
        new: NewAccountUser,
    ) -> Result<i64, Refused> {
        self.authorizer.require(by, Action::UserCreate).await?;
        if new.is_administrator {
            self.require_everything(by).await?;
        }
        require_user_name(&new.name)?;
        require_profile(&new.profile)?;
        let hash = self.hash(new.password.clone()).await?;
        let (id, grant) = (
            UserId::new(self.core.ids.next_id()),
            GrantId::new(self.core.ids.next_id()),
        );
        self.change(by, Action::UserCreate, move |core, tx, account| {
            let source_id = tx.find_password_source()?.ok_or(Error::Internal)?;
            let (name, now_ms) = (new.name, core.now_ms());
            // Somebody whom an issuer vouches for may have the name.
            if tx.find_user_named(&name)?.is_some() {
                return Err(Error::AlreadyExists(format!("the user {name}")));
            }
            let user = NewUser {
                id: id.clone(),
                source_id,
                name: name.clone(),
                home_account_id: account.clone(),
                password_hash: Some(hash),
            };
            tx.create_user(&user, now_ms)
                .map_err(|error| existing(error, &format!("the user {name}")))?;
            tx.put_membership(account, &id, now_ms)?;
            if new.profile != UserProfile::default() {
                let profile = UserProfile {
                    updated_at_ms: now_ms,
                    ..new.profile
                };
                tx.put_user_profile(&id, &profile)?;
            }
            if new.is_administrator {
                tx.grant_account_role(&grant, account, &id, Role::Administrator, now_ms)?;
            }
            let number = tx.give_number(account, Numbered::User, id.as_str())?;
            Ok((number, Some(Event::UserCreated { user: name })))
        })
        .await
    }

    /// The account's users by name, after `after`.
    pub async fn list_all_users(
        &self,
        by: &AccountContext,
        after: String,
    ) -> Result<Vec<UserRow>, Refused> {
        self.authorizer.require(by, Action::UserList).await?;
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_users(&account, &after, PAGE)?));
        Ok(listed.await?)
    }

    /// The account's users as they are asked for.
    pub async fn list_users(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<UserView>, Refused> {
        self.authorizer.require(by, Action::UserList).await?;
        self.list_users_of(by, query).await
    }

    /// The same for everyone in the account: whoever shares a namespace has to find whom to share it with. What is shown
    /// of them is up to the caller: their names, and no more.
    pub async fn search_users(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<UserView>, Refused> {
        self.require_fellow(by).await?;
        self.list_users_of(by, query).await
    }

    async fn list_users_of(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<UserView>, Refused> {
        let account = by.id().clone();
        let listed = self
            .core
            .metadata
            .list(move |reader| Ok::<_, Error>(reader.list_user_details(&account, &query)?));
        let Listed { items, total } = listed.await?;
        let ids: Vec<&str> = items.iter().map(|user| user.id.as_str()).collect();
        let numbers = self.core.numbers(by.id(), Numbered::User, &ids).await?;
        let items = items.into_iter().map(|user| {
            let number = numbers.of(user.id.as_str())?;
            Ok(view(user, number))
        });
        Ok(Listed {
            items: items.collect::<Result<_>>()?,
            total,
        })
    }

    /// A user, for itself and for whoever may see all.
    pub async fn find_user(&self, by: &AccountContext, number: i64) -> Result<UserView, Refused> {
        self.require_self_or(by, number, Action::UserRead).await?;
        let user = self.get_numbered_user(by, number).await?;
        Ok(view(user, number))
    }

    /// Writes what a user says of itself: by itself, or by whoever may change its account's users.
    pub async fn update_profile(
        &self,
        by: &AccountContext,
        number: i64,
        profile: UserProfile,
    ) -> Result<(), Refused> {
        let is_self = self.require_self_or(by, number, Action::UserUpdate).await?;
        require_profile(&profile)?;
        let changed = self.core.change(by, move |core, tx, account| {
            let user = numbered_user(tx, account, number)?;
            if !is_self {
                require_home(&user, account)?;
            }
            let profile = UserProfile {
                updated_at_ms: core.now_ms(),
                ..profile
            };
            tx.put_user_profile(&user.id, &profile)?;
            Ok(((), Some(Event::UserProfileChanged { user: user.name })))
        });
        Ok(changed.await?)
    }

    /// Lets a user log in no longer, or again. What it was given before ends.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for oneself and for an operator of the deployment; [`Error::NotNow`] for somebody without whom
    /// nobody could administer an account.
    pub async fn set_disabled(
        &self,
        by: &AccountContext,
        name: &str,
        is_disabled: bool,
    ) -> Result<(), Refused> {
        let id = self.require_charge_of_named(by, name).await?;
        let is_local = by.is_local_operator();
        let name = name.to_owned();
        self.change(by, Action::UserUpdate, move |_, tx, account| {
            tx.take_turn(Turn::Administrators)?;
            let user = get_own_user(tx, account, &name)?;
            require_same(&user, &id)?;
            if is_disabled && !is_local && !tx.list_accounts_that_need(&user.id)?.is_empty() {
                return Err(last_administrator_of(&name));
            }
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

    /// [`Accounts::require_charge_of`] the user of that name, of this account; answers with its id.
    pub(crate) async fn require_charge_of_named(
        &self,
        by: &AccountContext,
        name: &str,
    ) -> Result<UserId, Refused> {
        self.authorizer.require(by, Action::UserUpdate).await?;
        let found = self
            .core
            .metadata
            .read(|reader| get_own_user(reader, by.id(), name));
        let user = found.await?;
        self.require_charge_of(by, (&user.id, &user.name)).await?;
        Ok(user.id)
    }

    pub(crate) async fn get_numbered_user(
        &self,
        by: &AccountContext,
        number: i64,
    ) -> Result<UserDetails> {
        self.core
            .metadata
            .read(|reader| numbered_user(reader, by.id(), number))
            .await
    }

    /// Lets users do something about themselves, and about anyone whoever may do `action`. Says whether it is the first.
    pub(crate) async fn require_self_or(
        &self,
        by: &AccountContext,
        number: i64,
        action: Action,
    ) -> Result<bool, Refused> {
        let who = by.authenticated();
        let is_wide = !matches!(who.rights, Rights::Token(_)) && is_good_for(&who.caller, action);
        if let Some(user) = who.caller.user_id().filter(|_| is_wide) {
            let found = self.core.find_numbered(by.id(), Numbered::User, number);
            if found.await?.as_deref() == Some(user.as_str()) {
                return Ok(true);
            }
        }
        self.authorizer.require(by, action).await?;
        Ok(false)
    }

    /// Asks for a caller who has something to do with the account.
    pub(crate) async fn require_fellow(&self, by: &AccountContext) -> Result<(), Refused> {
        let who = by.authenticated();
        if who.caller.is_anonymous() {
            return Err(Refused::Unauthenticated);
        }
        let is_narrow =
            matches!(who.rights, Rights::Token(_)) || !is_good_for(&who.caller, Action::MemberList);
        let known = self
            .authorizer
            .if_known(&who.caller, Some(by.account.clone()));
        if is_narrow || known.await?.is_none() {
            return Err(Refused::Forbidden);
        }
        Ok(())
    }
}

/// The account's user that a number stands for.
pub(crate) fn numbered_user(
    reader: &Reader<'_>,
    account: &AccountId,
    number: i64,
) -> Result<UserDetails> {
    let unknown = || Error::NotFound(format!("the user {number}"));
    let id = reader.find_numbered(account, Numbered::User, number)?;
    let id = UserId::new(id.ok_or_else(unknown)?);
    reader.find_user_details(account, &id)?.ok_or_else(unknown)
}

/// Only the account that a user belongs to first decides about it: it may be a guest of others.
pub(crate) fn require_home(user: &UserDetails, account: &AccountId) -> Result<()> {
    require_home_of((&user.name, &user.home_account_id), account)
}

/// The same for a name and the account that it belongs to first.
pub(crate) fn require_home_of((name, home): (&str, &AccountId), account: &AccountId) -> Result<()> {
    if home == account {
        return Ok(());
    }
    Err(Error::NotAllowed(format!(
        "the user {name} belongs to another account; ask it, or an administrator there"
    )))
}

fn view(user: UserDetails, number: i64) -> UserView {
    UserView {
        number,
        name: user.name,
        profile: user.profile,
        is_administrator: user.is_administrator,
        created_at_ms: user.created_at_ms,
    }
}

/// Whether it is a name that everyone logs in with who shows an API key or a management token.
fn is_name_of_many(name: &str) -> bool {
    [API_KEY_USER, MANAGEMENT_TOKEN_USER].contains(&name)
}

/// Names go into `Authorization: Basic` headers, logs and tables.
fn require_user_name(name: &str) -> Result<()> {
    let is_fine = !name.is_empty()
        && name.len() <= 255
        && !is_robot_name(name)
        && !is_name_of_many(name)
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

/// Profiles are shown to people; an address for mail is one, or empty.
fn require_profile(profile: &UserProfile) -> Result<()> {
    for (what, text) in [
        ("the address for mail", &profile.email),
        ("the real name", &profile.real_name),
        ("the comment", &profile.comment),
    ] {
        if text.len() > PROFILE_BYTES || text.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "{what} has more than {PROFILE_BYTES} bytes, or control characters such as line breaks"
            )));
        }
    }
    let is_address = profile.email.split_once('@').is_some_and(|(user, host)| {
        let is_plain = |text: &str| !text.is_empty() && !text.contains(['@', ' ', '<', '>', ',']);
        is_plain(user) && is_plain(host)
    });
    if is_address || profile.email.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(
            "the address for mail is none; write it as name@example.com".to_owned(),
        ))
    }
}
