//! Operators' roles, their requests to see content, what a robot account holds, and how long audit logs are kept.

use super::fixture::{World, id, write};
use crate::{
    ContentRequestsOf, Error, GrantSubject, ListQuery, MetadataStore, NewGrant, OperatorRow,
    RobotRow,
};
use model::{
    Action, ContentRequest, ContentRequestId, ContentRequestState as State, GrantId, GrantedRole,
    OperatorRole, Permission, PermissionScope, RobotId, Role, Scope, UserId,
};

pub(super) async fn run(store: &MetadataStore) {
    an_operator_has_roles_until_the_last_is_taken(store).await;
    what_an_account_allowed_is_a_right_until_it_ends(store).await;
    a_robot_account_has_its_permissions_and_what_was_granted(store).await;
    an_audit_log_is_kept_for_days_or_for_ever(store).await;
}

async fn an_operator_has_roles_until_the_last_is_taken(store: &MetadataStore) {
    let world = World::create(store).await;
    let user = world.user.clone();
    let roles = || {
        let found = store.read_blocking(|reader| reader.find_operator_roles(&user));
        found.unwrap()
    };
    assert_eq!(roles(), []);
    let who = user.clone();
    let added = write(store, move |tx| {
        Ok((
            tx.put_operator_role(&who, OperatorRole::Auditor, 3)?,
            tx.put_operator_role(&who, OperatorRole::Administrator, 4)?,
            tx.put_operator_role(&who, OperatorRole::Administrator, 5)?,
        ))
    })
    .await;
    assert_eq!(added, (true, true, false));
    assert_eq!(
        roles(),
        [OperatorRole::Administrator, OperatorRole::Auditor]
    );
    let expected = OperatorRow {
        user_id: user.clone(),
        name: world.user_name.clone(),
        role: OperatorRole::Administrator,
        created_at_ms: 4,
    };
    store
        .read_blocking(|reader| {
            assert!(reader.list_operators(1000)?.contains(&expected));
            assert!(reader.is_operator(&user)?);
            let nobody = model::UserId::new("nobody");
            assert!(reader.has_other_administrator(&nobody)?);
            Ok::<_, Error>(())
        })
        .unwrap();
    let who = user.clone();
    write(store, move |tx| tx.set_user_disabled(&who, true)).await;
    assert_eq!(roles(), [], "who may not log in does nothing");
    let who = user.clone();
    let taken = write(store, move |tx| {
        tx.set_user_disabled(&who, false)?;
        Ok((
            tx.delete_operator_role(&who, OperatorRole::Auditor)?,
            tx.is_operator(&who)?,
            tx.delete_operator_role(&who, OperatorRole::Administrator)?,
            tx.delete_operator_role(&who, OperatorRole::Administrator)?,
            tx.is_operator(&who)?,
        ))
    })
    .await;
    assert_eq!(taken, (true, true, true, false, false));
}

fn request_of(operator: &UserId, theirs: &World) -> ContentRequest {
    ContentRequest {
        id: ContentRequestId::new(id()),
        account_id: theirs.account.id.clone(),
        operator_id: operator.clone(),
        namespace_name: Some(theirs.namespace_name.clone()),
        namespace_id: None,
        reason: "a pull fails".to_owned(),
        hours: 2,
        state: State::Asked,
        asked_at_ms: 10,
        decided_by: None,
        decided_at_ms: None,
        expires_at_ms: None,
    }
}

async fn what_an_account_allowed_is_a_right_until_it_ends(store: &MetadataStore) {
    let (world, theirs) = (World::create(store).await, World::create(store).await);
    let operator = world.user.clone();
    let request = request_of(&operator, &theirs);
    let (new, who) = (request.clone(), operator.clone());
    write(store, move |tx| {
        tx.put_operator_role(&who, OperatorRole::Support, 9)?;
        tx.create_content_request(&new)
    })
    .await;
    let open = store.read_blocking(|reader| reader.count_open_content_requests(&operator));
    assert_eq!(open.unwrap(), 1);
    let rights = |now_ms| {
        let found = store.read_blocking(|reader| reader.find_rights(&operator, now_ms));
        found.unwrap().unwrap()
    };
    assert_eq!(rights(20).rights, [], "it was only asked");
    let granted = ContentRequest {
        state: State::Granted,
        namespace_id: Some(theirs.namespace.clone()),
        decided_by: Some("alice".to_owned()),
        decided_at_ms: Some(30),
        expires_at_ms: Some(90),
        ..request.clone()
    };
    let new = granted.clone();
    let decided = write(store, move |tx| {
        Ok((
            tx.decide_content_request(&new, State::Asked)?,
            tx.decide_content_request(&new, State::Asked)?,
        ))
    })
    .await;
    assert_eq!(decided, (true, false), "two do not decide the same");
    let found = rights(89);
    assert_eq!(found.until_ms, Some(90));
    let right = &found.rights[0];
    assert_eq!(right.request.as_ref(), Some(&request.id));
    let (account, namespace) = (&theirs.account.id, &theirs.namespace);
    assert!(right.allows_in_namespace(account, namespace, Action::RepositoryPull));
    assert!(!right.allows_in_namespace(account, namespace, Action::RepositoryPush));
    assert_eq!(rights(90).rights, [], "it has ended");
    is_listed_where_it_belongs(store, (&world, &theirs), &granted);
    let who = operator.clone();
    write(store, move |tx| {
        tx.delete_operator_role(&who, OperatorRole::Support)
    })
    .await;
    assert_eq!(
        rights(50).rights,
        [],
        "who is no operator any more looks at nothing"
    );
}

fn is_listed_where_it_belongs(
    store: &MetadataStore,
    (world, theirs): (&World, &World),
    granted: &ContentRequest,
) {
    let (operator, account) = (&world.user, &theirs.account.id);
    let query = ListQuery {
        limit: 10,
        ..ListQuery::default()
    };
    store
        .read_blocking(|reader| {
            let row = reader.find_content_request(&granted.id)?.unwrap();
            assert_eq!(&row.request, granted);
            assert_eq!(row.operator_name, world.user_name);
            for (of, total) in [
                (ContentRequestsOf::Account(account), 1),
                (ContentRequestsOf::Account(&world.account.id), 0),
                (ContentRequestsOf::Operator(operator), 1),
            ] {
                assert_eq!(reader.list_content_requests(of, &query)?.total, total);
            }
            let of = ContentRequestsOf::All;
            assert!(reader.list_content_requests(of, &query)?.total > 0);
            Ok::<_, Error>(())
        })
        .unwrap();
}

async fn a_robot_account_has_its_permissions_and_what_was_granted(store: &MetadataStore) {
    let world = World::create(store).await;
    let robot = RobotRow {
        id: RobotId::new(id()),
        account_id: world.account.id.clone(),
        namespace_id: None,
        name: format!("robot$ci-{}", id()),
        short_name: "ci".to_owned(),
        description: String::new(),
        permissions: vec![Permission {
            scope: PermissionScope::Namespaces,
            actions: vec!["repository:pull".to_owned()],
        }],
        is_disabled: false,
        duration_days: 1,
        expires_at_ms: Some(70),
        creator_kind: "user".to_owned(),
        creator_id: String::new(),
        created_at_ms: 5,
        updated_at_ms: 5,
        last_used_at_ms: None,
    };
    let grant = NewGrant {
        id: GrantId::new(id()),
        account_id: world.account.id.clone(),
        subject: GrantSubject::Robot(robot.id.clone()),
        role: GrantedRole::BuiltIn(Role::Developer),
        scope: Scope::Namespace(world.namespace.clone()),
    };
    let (new, hash) = (robot.clone(), format!("hash-{}", id()));
    write(store, move |tx| {
        tx.create_robot(&new, &hash)?;
        tx.create_grant(&grant, 6)
    })
    .await;
    let found = || {
        let found = store.read_blocking(|reader| reader.find_robot_rights(&robot.id));
        found.unwrap()
    };
    let (rights, may_log_in) = found().unwrap();
    assert!(may_log_in);
    assert_eq!(rights.until_ms, Some(70));
    assert_eq!(rights.rights.len(), 2);
    assert_eq!(rights.rights[1].role, Some(Role::Developer));
    let off = RobotRow {
        is_disabled: true,
        ..robot.clone()
    };
    write(store, move |tx| tx.update_robot(&off, 8).map(drop)).await;
    assert!(!found().unwrap().1);
    let gone = robot.id.clone();
    write(store, move |tx| tx.delete_robot(&gone)).await;
    assert_eq!(found(), None, "what was granted to it went with it");
}

async fn an_audit_log_is_kept_for_days_or_for_ever(store: &MetadataStore) {
    let world = World::create(store).await;
    let account = world.account.id.clone();
    let kept = || {
        let found = store.read_blocking(|reader| {
            let before = model::AccountId::new("");
            let listed = reader.list_audit_retention(&before, 1000)?;
            let days = reader.find_audit_retention(&account)?;
            assert_eq!(
                days,
                listed
                    .into_iter()
                    .find(|one| one.0 == account)
                    .map(|one| one.1)
            );
            Ok::<_, Error>(days)
        });
        found.unwrap()
    };
    for days in [None, Some(90), Some(30), None] {
        let of = account.clone();
        write(store, move |tx| tx.put_audit_retention(&of, days, 3)).await;
        assert_eq!(kept(), days);
    }
}
