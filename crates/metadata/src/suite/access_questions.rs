//! One question about access finds what several would.

use super::fixture::{World, id, write};
use crate::{
    AccessAnswer, AccessQuestion, AccessSubject, Error, GrantSubject, Grantee, MetadataStore,
    NewGrant, Reader, RobotRow, SubjectRights, TrustRuleRow,
};
use model::{
    AccountId, Address, AllowedRange, GrantId, GrantedRole, NetworkRules, Permission,
    PermissionScope, RepositoryPattern, RobotId, Role, Scope, TrustRuleId,
};

pub(super) async fn run(store: &MetadataStore) {
    let world = furnished(store).await;
    let (robot, rule) = (robot(&world), rule(&world));
    let (new_robot, new_rule, hash) = (robot.clone(), rule.clone(), format!("hash-{}", id()));
    let of_robot = grant(
        &world,
        GrantSubject::Robot(robot.id.clone()),
        Scope::Account,
    );
    write(store, move |tx| {
        tx.create_robot(&new_robot, &hash)?;
        tx.create_trust_rule(&new_rule)?;
        tx.create_grant(&of_robot, 6)
    })
    .await;
    let subjects = [
        None,
        Some(AccessSubject::User(&world.user)),
        Some(AccessSubject::Robot(&robot.id)),
        Some(AccessSubject::Workload(&rule.id)),
    ];
    for subject in subjects {
        one_answer_is_as_good_as_many(store, &world, subject);
    }
    whoever_may_not_log_in_has_no_rights(store, &world, (robot, rule)).await;
}

fn ask(store: &MetadataStore, question: &AccessQuestion<'_>) -> AccessAnswer {
    let asked = store.timings().statements();
    let answer = store.read_blocking(|reader| reader.ask_about_access(question));
    assert_eq!(store.timings().statements() - asked, 1);
    answer.unwrap()
}

fn rights_of(
    reader: &Reader<'_>,
    subject: Option<AccessSubject<'_>>,
) -> crate::Result<Option<SubjectRights>> {
    Ok(match subject {
        None => None,
        Some(AccessSubject::User(user)) => reader.find_rights(user, 0)?,
        Some(AccessSubject::Robot(robot)) => {
            reader.find_robot_rights(robot)?.map(|(rights, _)| rights)
        }
        Some(AccessSubject::Workload(rule)) => {
            let rule = reader.find_trust_rule(rule)?;
            rule.map(|rule| SubjectRights {
                rights: vec![rule.permissions[0].right(&rule.account_id)],
                until_ms: None,
            })
        }
    })
}

fn one_answer_is_as_good_as_many(
    store: &MetadataStore,
    world: &World,
    subject: Option<AccessSubject<'_>>,
) {
    let account = &world.account.id;
    for address in [Address::Shared, Address::Account(account.clone())] {
        let question = AccessQuestion {
            address: &address,
            namespace: Some(&world.namespace_name),
            account: None,
            subject,
            now_ms: 0,
        };
        let found = ask(store, &question);
        let (namespace, rules, epoch) = store
            .read_blocking(|reader| {
                Ok::<_, Error>((
                    reader.find_namespace(&address, &world.namespace_name)?,
                    reader.get_network_rules(account)?.rules,
                    reader.network_epoch()?,
                ))
            })
            .unwrap();
        let rights = store
            .read_blocking(|reader| rights_of(reader, subject))
            .unwrap();
        assert!(namespace.is_some());
        assert_eq!(found.namespace, namespace);
        assert_eq!(found.rights, rights);
        assert_eq!(found.network_epoch, epoch);
        assert!(rules.private_only && rules.namespaces.len() == 1);
        assert_eq!(found.networks, [(account.clone(), rules.clone())].into());

        // What is not there is not found; the account that was named is.
        let elsewhere = ask(
            store,
            &AccessQuestion {
                namespace: Some("no-such-namespace"),
                account: Some(account),
                ..question
            },
        );
        assert_eq!(elsewhere.namespace, None);
        assert!(elsewhere.creates_namespaces);
        assert_eq!(elsewhere.rights, rights);
        assert_eq!(elsewhere.networks, [(account.clone(), rules)].into());
        let nothing = ask(
            store,
            &AccessQuestion {
                address: &Address::Shared,
                namespace: None,
                account: None,
                subject: None,
                now_ms: 0,
            },
        );
        assert!(!nothing.creates_namespaces && nothing.networks.is_empty());
    }
}

async fn whoever_may_not_log_in_has_no_rights(
    store: &MetadataStore,
    world: &World,
    (robot, rule): (RobotRow, TrustRuleRow),
) {
    let (user, off) = (world.user.clone(), robot.clone());
    let ended = rule.clone();
    write(store, move |tx| {
        let off = RobotRow {
            is_disabled: true,
            ..off
        };
        tx.update_robot(&off, 8)?;
        let ended = TrustRuleRow {
            is_disabled: true,
            ..ended
        };
        tx.update_trust_rule(&ended, 8)?;
        tx.set_user_disabled(&user, true)
    })
    .await;
    let nobody = model::UserId::new(id());
    for subject in [
        AccessSubject::User(&world.user),
        AccessSubject::User(&nobody),
        AccessSubject::Robot(&robot.id),
        AccessSubject::Workload(&rule.id),
    ] {
        let question = AccessQuestion {
            address: &Address::Shared,
            namespace: Some(&world.namespace_name),
            account: None,
            subject: Some(subject),
            now_ms: 0,
        };
        let found = ask(store, &question);
        assert_eq!(found.rights, None, "{subject:?}");
        assert!(found.namespace.is_some());
    }
}

/// An account with everything that may decide.
async fn furnished(store: &MetadataStore) -> World {
    let world = World::create(store).await;
    let (account, user) = (world.account.id.clone(), world.user.clone());
    let person = || GrantSubject::Person(Grantee::User(world.user.clone()));
    let pattern = RepositoryPattern::parse("web/*").unwrap();
    let grants = [
        grant(&world, person(), Scope::Account),
        grant(&world, person(), Scope::Namespace(world.namespace.clone())),
        grant(
            &world,
            person(),
            Scope::Repositories(world.namespace.clone(), pattern),
        ),
    ];
    let list = |range: &str| {
        vec![AllowedRange {
            range: range.parse().unwrap(),
            description: String::new(),
        }]
    };
    let rules = NetworkRules {
        private_only: true,
        management: list("10.0.0.0/8"),
        registry: list("fd00::/8"),
        namespaces: [(world.namespace.clone(), list("192.0.2.0/24"))].into(),
    };
    write(store, move |tx| {
        tx.put_membership(&account, &user, 3)?;
        for grant in &grants {
            tx.create_grant(grant, 6)?;
        }
        tx.take_network_rules(&account, 5)?;
        tx.put_network_rules(&account, &rules, 6).map(drop)
    })
    .await;
    world
}

fn grant(world: &World, subject: GrantSubject, scope: Scope) -> NewGrant {
    NewGrant {
        id: GrantId::new(id()),
        account_id: world.account.id.clone(),
        subject,
        role: GrantedRole::BuiltIn(Role::Developer),
        scope,
    }
}

fn permissions() -> Vec<Permission> {
    vec![Permission {
        scope: PermissionScope::Namespaces,
        actions: vec!["repository:pull".to_owned()],
    }]
}

fn robot(world: &World) -> RobotRow {
    RobotRow {
        id: RobotId::new(id()),
        account_id: world.account.id.clone(),
        namespace_id: None,
        name: format!("robot$ci-{}", id()),
        short_name: "ci".to_owned(),
        description: String::new(),
        permissions: permissions(),
        is_disabled: false,
        duration_days: 1,
        expires_at_ms: Some(70),
        creator_kind: "user".to_owned(),
        creator_id: String::new(),
        created_at_ms: 5,
        updated_at_ms: 5,
        last_used_at_ms: None,
    }
}

fn rule(world: &World) -> TrustRuleRow {
    let account: &AccountId = &world.account.id;
    TrustRuleRow {
        id: TrustRuleId::new(id()),
        account_id: account.clone(),
        name: "builds".to_owned(),
        description: String::new(),
        issuer: "https://one.example.com".to_owned(),
        audience: "registry".to_owned(),
        claims: [("sub".to_owned(), vec!["repo:acme/*".to_owned()])].into(),
        permissions: permissions(),
        token_lifetime_secs: 300,
        is_disabled: false,
        created_at_ms: 5,
        updated_at_ms: 5,
        last_used_at_ms: None,
    }
}
