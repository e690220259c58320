//! Invitations, and logins that are about one of their user's accounts.

use super::fixture::{World, id, write};
use crate::{
    Error, InvitationRow, InvitationsOf, ListQuery, MetadataStore, NewInvitation, NewRefreshToken,
    RefreshTokenRow, SessionRow,
};
use model::{AccountId, GrantedRole, InvitationId, Role, Scope, UserId};

pub(super) async fn run(store: &MetadataStore) {
    an_invitation_is_there_until_it_is_taken_away(store).await;
    an_invitation_outlives_whom_it_is_for_and_goes_with_its_namespace(store).await;
    a_login_that_is_about_an_account_ends_with_the_membership(store).await;
}

fn new_invitation(host: &World, guest: &World) -> NewInvitation {
    NewInvitation {
        id: InvitationId::new(id()),
        account_id: host.account.id.clone(),
        user_name: guest.user_name.clone(),
        user_id: Some(guest.user.clone()),
        role: GrantedRole::BuiltIn(Role::Developer),
        namespace_id: Some(host.namespace.clone()),
        invited_by: "alice".to_owned(),
        inviter_id: Some(host.user.clone()),
        expires_at_ms: 100,
    }
}

fn listed(store: &MetadataStore, of: InvitationsOf<'_>, now_ms: i64) -> Vec<InvitationRow> {
    let query = ListQuery {
        limit: 10,
        ..ListQuery::default()
    };
    let listed = store.read_blocking(|reader| reader.list_invitations(of, now_ms, &query));
    listed.unwrap().items
}

async fn an_invitation_is_there_until_it_is_taken_away(store: &MetadataStore) {
    let (host, guest) = (World::create(store).await, World::create(store).await);
    let new = new_invitation(&host, &guest);
    let (made, again) = (new.clone(), new_invitation(&host, &guest));
    let twice = write(store, move |tx| {
        tx.create_invitation(&made, 7)?;
        Ok(matches!(
            tx.create_invitation(&again, 8),
            Err(Error::AlreadyExists)
        ))
    })
    .await;
    assert!(twice, "a name is invited once at a time");
    let expected = InvitationRow {
        id: new.id.clone(),
        account_id: host.account.id.clone(),
        account_name: host.account.name.clone(),
        user_name: guest.user_name.clone(),
        user_id: Some(guest.user.clone()),
        role: GrantedRole::BuiltIn(Role::Developer),
        role_name: "developer".to_owned(),
        scope: Scope::Namespace(host.namespace.clone()),
        namespace_name: Some(host.namespace_name.clone()),
        invited_by: "alice".to_owned(),
        inviter_id: Some(host.user.clone()),
        created_at_ms: 7,
        expires_at_ms: 100,
    };
    let find = || {
        let found = store.read_blocking(|reader| reader.find_invitation(&new.id));
        found.unwrap()
    };
    assert_eq!(find(), Some(expected.clone()));
    let (of_host, of_guest) = (
        InvitationsOf::Account(&host.account.id),
        InvitationsOf::User(&guest.user),
    );
    for of in [of_host, of_guest] {
        assert_eq!(listed(store, of, 99), std::slice::from_ref(&expected));
        assert_eq!(listed(store, of, 100), [], "it has ended");
    }
    assert_eq!(
        listed(store, InvitationsOf::Account(&guest.account.id), 9),
        []
    );
    let account = host.account.id.clone();
    let (kept, forgotten) = write(store, move |tx| {
        Ok((
            tx.delete_ended_invitations(&account, 99)?,
            tx.delete_ended_invitations(&account, 100)?,
        ))
    })
    .await;
    assert_eq!((kept, forgotten, find()), (0, 1, None));
    let again = NewInvitation {
        namespace_id: None,
        inviter_id: None,
        ..new.clone()
    };
    let gone = write(store, move |tx| {
        tx.create_invitation(&again, 9)?;
        Ok((
            tx.delete_invitation(&again.id)?,
            tx.delete_invitation(&again.id)?,
        ))
    })
    .await;
    assert_eq!(gone, (true, false));
}

async fn an_invitation_outlives_whom_it_is_for_and_goes_with_its_namespace(store: &MetadataStore) {
    let (host, guest) = (World::create(store).await, World::create(store).await);
    let account = &host.account.id;
    let invitee = |name: &str| {
        let found = store.read_blocking(|reader| reader.find_invitee(account, name));
        found.unwrap()
    };
    let found = invitee(&guest.user_name);
    assert_eq!(found, Some((guest.user.clone(), false)));
    assert_eq!(invitee("nobody-at-all"), None);
    let new = new_invitation(&host, &guest);
    let (made, of, user) = (new.clone(), account.clone(), guest.user.clone());
    write(store, move |tx| {
        tx.put_membership(&of, &user, 5)?;
        tx.create_invitation(&made, 7)
    })
    .await;
    assert_eq!(invitee(&guest.user_name), Some((guest.user.clone(), true)));
    let user = guest.user.clone();
    write(store, move |tx| tx.delete_user(&user)).await;
    let left = listed(store, InvitationsOf::Account(account), 9);
    // Whoever made it does not learn that somebody is gone.
    assert_eq!((left.len(), left[0].user_id.as_ref()), (1, None));
    assert_eq!(left[0].user_name, guest.user_name);
    let (repository, namespace) = (host.repository.clone(), host.namespace.clone());
    let name = host.key.name.clone();
    write(store, move |tx| {
        tx.delete_repository(&repository, &name)?;
        tx.delete_namespace(&namespace)
    })
    .await;
    let count = store.read_blocking(|reader| reader.count_invitations(account));
    assert_eq!(count.unwrap(), 0);
}

async fn a_login_that_is_about_an_account_ends_with_the_membership(store: &MetadataStore) {
    let (host, guest) = (World::create(store).await, World::create(store).await);
    let (account, user) = (host.account.id.clone(), guest.user.clone());
    let secrets: Vec<String> = (0..4).map(|_| format!("login-{}", id())).collect();
    let made = secrets.clone();
    let logins = move |user: &UserId, account_id: Option<AccountId>| {
        let session = SessionRow {
            user_id: user.clone(),
            account_id: account_id.clone(),
            credential_epoch: 0,
            created_at_ms: 1,
            expires_at_ms: 90,
        };
        let refresh = RefreshTokenRow {
            user_id: user.clone(),
            account_id,
            access_token_id: None,
            service: "registry".to_owned(),
            credential_epoch: 0,
            expires_at_ms: 90,
        };
        (session, refresh)
    };
    write(store, move |tx| {
        tx.put_membership(&account, &user, 5)?;
        for (at, about) in [(0, Some(account.clone())), (2, None)] {
            let (session, row) = logins(&user, about);
            tx.create_session(&made[at], &session)?;
            tx.create_refresh_token(&NewRefreshToken {
                secret_hash: made[at + 1].clone(),
                row,
            })?;
        }
        Ok(())
    })
    .await;
    let found = || {
        let found = store.read_blocking(|reader| {
            let session = |at: usize| reader.find_session(&secrets[at]);
            let refresh = |at: usize| reader.find_refresh_token(&secrets[at]);
            Ok::<_, Error>([
                session(0)?.map(|row| row.account_id),
                refresh(1)?.map(|row| row.account_id),
                session(2)?.map(|row| row.account_id),
                refresh(3)?.map(|row| row.account_id),
            ])
        });
        found.unwrap()
    };
    let about = Some(Some(host.account.id.clone()));
    assert_eq!(found(), [about.clone(), about, Some(None), Some(None)]);
    let (account, user) = (host.account.id.clone(), guest.user.clone());
    write(store, move |tx| tx.delete_membership(&account, &user)).await;
    assert_eq!(found(), [None, None, Some(None), Some(None)]);
}
