//! Invitations: how a user of one account becomes a member of another, when both want it.
//!
//! A user belongs to the account that it was made in, and only that account's people reset its password, disable or delete it.
//! Another account can ask it to come, by its name, and is told nothing of whether somebody has that name: an invitation that
//! nobody can accept looks like one that nobody has accepted yet.

use crate::access::{CallerContext, Refused};
use crate::access_tokens::require_self;
use crate::account_access::{AccountContext, NamespaceRef, holds};
use crate::accounts::existing;
use crate::authorizer::Authorizer;
use crate::core::Core;
use crate::grants::right_of;
use crate::{Error, Result};
use metadata::{
    Error as MetadataError, GrantSubject, Grantee, InvitationRow, InvitationsOf, ListQuery, Listed,
    NewGrant, NewInvitation, Numbered, Reader, Turn, Tx,
};
use model::event::Member;
use model::robot::is_robot_name;
use model::{Action, Event, GrantId, GrantedRole, InvitationId, Right, Scope, UserId};
use std::sync::Arc;

/// Invitations of one account that are open.
const MAX_OPEN: i64 = 100;
/// For how many days one is open, when nothing is said, and at most.
const DAYS: i64 = 7;
const MAX_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The longest name that a user may have.
const MAX_NAME_BYTES: usize = 255;

/// Whom an account invites, and what it gives.
#[derive(Clone, Debug)]
pub struct InvitationText {
    /// The user's name.
    pub user: String,
    /// Which role: one that every account has, or one of its own.
    pub role: String,
    /// The namespace that the role is for, by its name; `None` for the whole account.
    pub namespace: Option<String>,
    /// For how many days it can be accepted: 1 to 30, 7 when nothing is said.
    pub days: Option<i64>,
}

impl InvitationText {
    fn check(&self) -> Result<()> {
        let (user, days) = (&self.user, self.days.unwrap_or(DAYS));
        let is_name = !user.is_empty()
            && user.len() <= MAX_NAME_BYTES
            && !user.chars().any(|c| c.is_control() || c.is_whitespace())
            && !is_robot_name(user);
        if !is_name {
            return Err(Error::Invalid(
                "the name of a user to be invited has 1 to 255 bytes without blanks; robot accounts are not invited"
                    .to_owned(),
            ));
        }
        if (1..=MAX_DAYS).contains(&days) {
            Ok(())
        } else {
            Err(Error::Invalid(format!(
                "an invitation is open for 1 to {MAX_DAYS} days"
            )))
        }
    }
}

/// Invitations of accounts.
pub struct Invitations {
    core: Arc<Core>,
    authorizer: Arc<Authorizer>,
}

impl Invitations {
    pub(crate) fn new(core: Arc<Core>, authorizer: Arc<Authorizer>) -> Self {
        Self { core, authorizer }
    }

    /// The account's invitations that are open. Fields: `user`, `created_at`; the newest first.
    pub async fn list(
        &self,
        by: &AccountContext,
        query: ListQuery,
    ) -> Result<Listed<InvitationRow>, Refused> {
        self.authorizer.require(by, Action::InvitationList).await?;
        let (account, now_ms) = (by.id().clone(), self.core.now_ms());
        let listed = self.core.metadata.list(move |reader| {
            let of = InvitationsOf::Account(&account);
            Ok::<_, Error>(reader.list_invitations(of, now_ms, &query)?)
        });
        Ok(listed.await?)
    }

    /// Invites whoever has a name. Whether anybody has it is not told.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] for a member, and for a name with an invitation that is open; [`Error::NotFound`] for the
    /// role, [`Error::Invalid`], [`Error::BeyondOwnRights`] for what the caller does not hold itself; [`Error::NotNow`] beyond
    /// 100 that are open.
    pub async fn create(
        &self,
        by: &AccountContext,
        text: InvitationText,
    ) -> Result<InvitationRow, Refused> {
        self.authorizer
            .require(by, Action::InvitationCreate)
            .await?;
        if by.authenticated().caller.is_machine() {
            return Err(Refused::Forbidden);
        }
        text.check()?;
        let scope = self.scope(by, text.namespace.as_deref()).await?;
        let (role, right) = self
            .core
            .metadata
            .read(|reader| role_of(reader, by, &text.role, &scope))
            .await?;
        if !self.authorizer.may_pass_on(by, &right).await? {
            let lacking = format!("all that the role {} holds there", text.role);
            return Err(Error::BeyondOwnRights(lacking).into());
        }
        let new = self.new_invitation(by, text, role, &scope);
        let created = self.core.change(by, move |core, tx, _| {
            tx.take_turn(Turn::Administrators)?;
            let row = create(tx, new, core.now_ms())?;
            let event = Event::InvitationCreated {
                invitation: row.id.to_string(),
                user: row.user_name.clone(),
                role: row.role_name.clone(),
                namespace: row.namespace_name.clone(),
                expires_at_ms: row.expires_at_ms,
            };
            Ok((row, Some(event)))
        });
        Ok(created.await?)
    }

    /// Takes an invitation back that is open.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for another account's.
    pub async fn revoke(&self, by: &AccountContext, id: &str) -> Result<(), Refused> {
        self.authorizer
            .require(by, Action::InvitationDelete)
            .await?;
        let id = InvitationId::new(id);
        let revoked = self.core.change(by, move |core, tx, account| {
            let found = open(tx, &id, core.now_ms())?;
            let row = found.filter(|row| row.account_id == *account);
            let row = row.ok_or_else(|| unknown(&id))?;
            take(tx, &row)?;
            let event = Event::InvitationRevoked {
                invitation: row.id.to_string(),
                user: row.user_name,
            };
            Ok(((), Some(event)))
        });
        Ok(revoked.await?)
    }

    /// The invitations that the caller may accept. Fields: `created_at`; the newest first.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no user, and for a credential that is not made for everything.
    pub async fn list_own(
        &self,
        by: &CallerContext,
        query: ListQuery,
    ) -> Result<Listed<InvitationRow>, Refused> {
        let (user, now_ms) = (require_self(by)?, self.core.now_ms());
        let listed = self.core.metadata.list(move |reader| {
            let of = InvitationsOf::User(&user);
            Ok::<_, Error>(reader.list_invitations(of, now_ms, &query)?)
        });
        Ok(listed.await?)
    }

    /// Makes the caller a member of the account that invited it, with the role that it was promised.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for somebody else's; [`Error::NotNow`] when whoever invited may not give that role any more;
    /// [`Error::AccountSuspended`].
    pub async fn accept(&self, by: &CallerContext, id: &str) -> Result<(), Refused> {
        let (user, id) = (require_self(by)?, InvitationId::new(id));
        let grant = GrantId::new(self.core.ids.next_id());
        let (core, by) = (self.core.clone(), by.clone());
        let accepted = self.core.metadata.write(move |tx| {
            tx.take_turn(Turn::Administrators)?;
            let row = own(tx, &id, &user, core.now_ms())?;
            let account = tx.find_account(&row.account_id)?.ok_or(Error::Internal)?;
            if !account.state.allows_push() {
                return Err(Error::AccountSuspended);
            }
            require_still_given(tx, &row, core.now_ms())?;
            take(tx, &row)?;
            let given = join(tx, &row, (user, grant), core.now_ms())?;
            let event = Event::InvitationAccepted {
                invitation: row.id.to_string(),
                user: row.user_name,
            };
            let caller = (&by.authenticated.caller, &by.origin);
            core.record_for(tx, &event, &row.account_id, caller)?;
            core.record_for(tx, &given, &row.account_id, caller)
        });
        Ok(accepted.await?)
    }

    /// Takes an invitation away that the caller does not want.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for somebody else's.
    pub async fn decline(&self, by: &CallerContext, id: &str) -> Result<(), Refused> {
        let (user, id) = (require_self(by)?, InvitationId::new(id));
        let (core, by) = (self.core.clone(), by.clone());
        let declined = self.core.metadata.write(move |tx| {
            let row = own(tx, &id, &user, core.now_ms())?;
            take(tx, &row)?;
            let event = Event::InvitationDeclined {
                invitation: row.id.to_string(),
                user: row.user_name,
            };
            let caller = (&by.authenticated.caller, &by.origin);
            core.record_for(tx, &event, &row.account_id, caller)
        });
        Ok(declined.await?)
    }

    async fn scope(&self, by: &AccountContext, namespace: Option<&str>) -> Result<Scope, Refused> {
        let Some(name) = namespace else {
            return Ok(Scope::Account);
        };
        let named = NamespaceRef::Name(name);
        let action = Action::MemberCreate;
        let found = self.authorizer.namespace(by, named, action).await?;
        Ok(Scope::Namespace(found.id.clone()))
    }

    fn new_invitation(
        &self,
        by: &AccountContext,
        text: InvitationText,
        role: GrantedRole,
        scope: &Scope,
    ) -> NewInvitation {
        let caller = &by.authenticated().caller;
        let days = text.days.unwrap_or(DAYS);
        NewInvitation {
            id: InvitationId::new(self.core.ids.next_id()),
            account_id: by.id().clone(),
            user_name: text.user,
            user_id: None,
            role,
            namespace_id: match scope {
                Scope::Namespace(id) | Scope::Repositories(id, _) => Some(id.clone()),
                Scope::Account => None,
            },
            invited_by: caller.display_name().to_owned(),
            inviter_id: caller.user_id().cloned(),
            expires_at_ms: self.core.now_ms() + days * DAY_MS,
        }
    }
}

/// The role that is to be given, and what it comes to.
fn role_of(
    reader: &Reader<'_>,
    by: &AccountContext,
    name: &str,
    scope: &Scope,
) -> Result<(GrantedRole, Right)> {
    let (role, right) = right_of(reader, by.id(), name, scope)?;
    let is_of_accounts = matches!(&role, GrantedRole::BuiltIn(role) if role.is_of_accounts());
    if is_of_accounts && *scope != Scope::Account {
        let message = format!("{name} is a role of accounts, not of namespaces");
        return Err(Error::Invalid(message));
    }
    Ok((role, right))
}

fn create(tx: &mut Tx<'_>, new: NewInvitation, now_ms: i64) -> Result<InvitationRow> {
    let account = new.account_id.clone();
    tx.delete_ended_invitations(&account, now_ms)?;
    let invitee = tx.find_invitee(&account, &new.user_name)?;
    if invitee.as_ref().is_some_and(|(_, is_member)| *is_member) {
        let what = format!("a member of the account named {}", new.user_name);
        return Err(Error::AlreadyExists(what));
    }
    if tx.count_invitations(&account)? >= MAX_OPEN {
        return Err(Error::NotNow(format!(
            "the account has {MAX_OPEN} invitations that are open, which is the most; revoke some first"
        )));
    }
    let new = NewInvitation {
        user_id: invitee.map(|(id, _)| id),
        ..new
    };
    tx.create_invitation(&new, now_ms).map_err(|error| {
        let what = format!("an open invitation for {}", new.user_name);
        existing(error, &what)
    })?;
    tx.find_invitation(&new.id)?.ok_or(Error::Internal)
}

/// An invitation that has not ended.
fn open(reader: &Reader<'_>, id: &InvitationId, now_ms: i64) -> Result<Option<InvitationRow>> {
    let found = reader.find_invitation(id)?;
    Ok(found.filter(|row| row.expires_at_ms > now_ms))
}

/// An open invitation for this user; others do not exist for it.
fn own(
    reader: &Reader<'_>,
    id: &InvitationId,
    user: &UserId,
    now_ms: i64,
) -> Result<InvitationRow> {
    let found = open(reader, id, now_ms)?;
    let row = found.filter(|row| row.user_id.as_ref() == Some(user));
    row.ok_or_else(|| unknown(id))
}

/// Takes an invitation away, unless somebody else just did.
fn take(tx: &mut Tx<'_>, row: &InvitationRow) -> Result<()> {
    if tx.delete_invitation(&row.id)? {
        Ok(())
    } else {
        Err(unknown(&row.id))
    }
}

/// Nobody gives more than it holds, and it has to hold that when it is taken: whoever invited may have lost it since.
fn require_still_given(reader: &Reader<'_>, row: &InvitationRow, now_ms: i64) -> Result<()> {
    let Some(inviter) = &row.inviter_id else {
        return Ok(());
    };
    let (_, right) = right_of(reader, &row.account_id, &row.role_name, &row.scope)?;
    let found = reader.find_rights(inviter, now_ms)?;
    let held = found.iter().flat_map(|found| &found.rights);
    if holds(held, &right) {
        Ok(())
    } else {
        Err(Error::NotNow(format!(
            "{} invited you and may not give that role any more; ask the account for another invitation",
            row.invited_by
        )))
    }
}

/// Makes the user a member with its role. Answers with what its log tells of the role.
fn join(
    tx: &mut Tx<'_>,
    row: &InvitationRow,
    (user, grant): (UserId, GrantId),
    now_ms: i64,
) -> Result<Event> {
    let account = &row.account_id;
    tx.put_membership(account, &user, now_ms)?;
    tx.give_number(account, Numbered::User, user.as_str())?;
    let new = NewGrant {
        id: grant,
        account_id: account.clone(),
        subject: GrantSubject::Person(Grantee::User(user)),
        role: row.role.clone(),
        scope: row.scope.clone(),
    };
    match tx.create_grant(&new, now_ms) {
        Ok(()) | Err(MetadataError::AlreadyExists) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Event::GrantCreated {
        member: Member::User(row.user_name.clone()),
        role: row.role_name.clone(),
        namespace: row.namespace_name.clone(),
        repositories: None,
    })
}

fn unknown(id: &InvitationId) -> Error {
    Error::NotFound(format!("the invitation {id}"))
}
