//! Robot accounts while time goes on, and what one may give to another.

use super::*;
use crate::testing::{TestRegistry, settings};
use crate::{AuthenticationFailed, CallerContext, Credentials, Settings};
use model::Address;
use model::caller::Origin;

const DAY: i64 = rules::DAY_MS;

struct World {
    registry: TestRegistry,
    operator: AccountContext,
}

impl World {
    async fn start(settings: Settings) -> Self {
        let registry = TestRegistry::start(settings).await;
        let password = SecretString::new("Correct-horse-7-battery");
        registry.services.begin(password, true).await.unwrap();
        let operator = registry.services.accounts.enter_locally(DEFAULT_ACCOUNT);
        let operator = operator.await.unwrap();
        Self { registry, operator }
    }

    fn robots(&self) -> &Robots {
        &self.registry.services.robots
    }

    async fn create(&self, name: &str, days: i64, actions: &[Action]) -> CreatedRobot {
        let new = wanted(name, days, PermissionPlace::EveryNamespace, actions);
        self.robots().create(&self.operator, new).await.unwrap()
    }

    async fn log_in(&self, name: &str, secret: &SecretString) -> Result<AccountContext, String> {
        let credentials = Credentials::Basic {
            name: name.to_owned(),
            secret: secret.clone(),
        };
        let services = &self.registry.services;
        let authenticated = services
            .authenticator
            .authenticate(credentials, None, &model::Address::Shared)
            .await;
        let authenticated = authenticated.map_err(|failed| match failed {
            AuthenticationFailed::Wrong => "wrong".to_owned(),
            AuthenticationFailed::Expired => "expired".to_owned(),
            other => other.to_string(),
        })?;
        let context = CallerContext {
            authenticated,
            origin: Origin::default(),
            address: Address::Shared,
        };
        Ok(services.authorizer.enter(context, None).await.unwrap())
    }

    async fn fate(&self, name: &str, secret: &SecretString) -> String {
        match self.log_in(name, secret).await {
            Ok(_) => "in".to_owned(),
            Err(why) => why,
        }
    }
}

fn wanted(name: &str, days: i64, place: PermissionPlace, actions: &[Action]) -> NewRobot {
    NewRobot {
        name: name.to_owned(),
        level: RobotLevel::Account,
        description: String::new(),
        is_disabled: false,
        duration_days: Some(days),
        permissions: vec![NamedPermission {
            place,
            actions: actions.to_vec(),
        }],
    }
}

#[tokio::test]
async fn an_end_is_told_only_to_whoever_has_the_secret() {
    let world = World::start(settings()).await;
    let robot = world.create("ci", 2, &[Action::RepositoryPull]).await;
    assert_eq!(robot.name, "robot$ci");
    assert_eq!(robot.expires_at_ms, Some(robot.created_at_ms + 2 * DAY));
    let guessed = SecretString::new("Correct-horse-8-battery");
    assert_eq!(world.fate("robot$ci", &robot.secret).await, "in");
    world.registry.clock.advance(2 * DAY - 1);
    assert_eq!(world.fate("robot$ci", &robot.secret).await, "in");
    // It was remembered as right a moment ago, and ends all the same.
    world.registry.clock.advance(1);
    assert_eq!(world.fate("robot$ci", &robot.secret).await, "expired");
    assert_eq!(world.fate("robot$ci", &guessed).await, "wrong");
    let change = RobotChange {
        name: robot.name,
        level: RobotLevel::Account,
        description: "longer".to_owned(),
        is_disabled: false,
        duration_days: Some(3),
        permissions: wanted(
            "",
            0,
            PermissionPlace::EveryNamespace,
            &[Action::RepositoryPull],
        )
        .permissions,
    };
    let named = RobotRef::Number(robot.number);
    world
        .robots()
        .update(&world.operator, named, change)
        .await
        .unwrap();
    assert_eq!(world.fate("robot$ci", &robot.secret).await, "in");
}

#[tokio::test]
async fn the_secret_before_is_good_for_a_while_and_no_longer() {
    let overlap_ms = 10_000;
    let world = World::start(Settings {
        robot_secret_overlap_ms: overlap_ms,
        ..settings()
    })
    .await;
    let robot = world.create("ci", -1, &[Action::RepositoryPull]).await;
    let named = RobotRef::Name("robot$ci");
    let replace = || world.robots().replace_secret(&world.operator, named, None);
    let second = replace().await.unwrap().unwrap();
    assert_eq!(
        (second.len(), keys::check_new_password(second.expose())),
        (32, Ok(()))
    );
    world.registry.clock.advance(overlap_ms - 1);
    for secret in [&robot.secret, &second] {
        assert_eq!(world.fate("robot$ci", secret).await, "in");
    }
    // A right secret is remembered for longer than the one before has left.
    world.registry.clock.advance(1);
    assert_eq!(world.fate("robot$ci", &robot.secret).await, "wrong");
    assert_eq!(world.fate("robot$ci", &second).await, "in");
    // There is one secret before, not two.
    let third = replace().await.unwrap().unwrap();
    let fourth = replace().await.unwrap().unwrap();
    assert_eq!(world.fate("robot$ci", &second).await, "wrong");
    for secret in [&third, &fourth] {
        assert_eq!(world.fate("robot$ci", secret).await, "in");
    }
}

#[tokio::test]
async fn a_robot_account_gives_no_more_than_it_holds() {
    let world = World::start(settings()).await;
    let mut new = wanted(
        "maker",
        -1,
        PermissionPlace::EveryNamespace,
        &[Action::RepositoryPull, Action::NamespaceRead],
    );
    new.permissions.push(NamedPermission {
        place: PermissionPlace::Account,
        actions: vec![Action::RobotCreate, Action::NamespaceCreate],
    });
    let maker = world.robots().create(&world.operator, new).await.unwrap();
    let maker = world.log_in(&maker.name, &maker.secret).await.unwrap();
    let (everywhere, library) = (
        PermissionPlace::EveryNamespace,
        PermissionPlace::Namespace("library".to_owned()),
    );
    for (name, place, action, is_held) in [
        ("a", everywhere.clone(), Action::RepositoryPull, true),
        ("b", library.clone(), Action::RepositoryPull, true),
        ("c", PermissionPlace::Account, Action::NamespaceCreate, true),
        ("d", everywhere, Action::RepositoryPush, false),
        ("e", library, Action::RepositoryPush, false),
        ("f", PermissionPlace::Account, Action::UserCreate, false),
    ] {
        let made = world
            .robots()
            .create(&maker, wanted(name, -1, place, &[action]))
            .await;
        match (made, is_held) {
            (Ok(_), true) | (Err(Refused::Failed(Error::BeyondOwnRights(_))), false) => {}
            (made, _) => panic!("{name}: {made:?}"),
        }
    }
    // It holds neither the right to change another, nor so its secret.
    let taken = world
        .robots()
        .replace_secret(&maker, RobotRef::Name("robot$a"), None)
        .await;
    assert!(matches!(taken, Err(Refused::Hidden)), "{taken:?}");
    let view = world
        .robots()
        .get(&world.operator, RobotRef::Name("robot$a"))
        .await
        .unwrap();
    assert!(view.is_made_by_robot && view.creator.is_some());
}

#[tokio::test]
async fn the_same_secret_may_be_chosen_for_two() {
    let world = World::start(settings()).await;
    let chosen = SecretString::new("Chosen-by-1-person");
    for name in ["one", "two"] {
        let robot = world.create(name, -1, &[Action::RepositoryPull]).await;
        let named = RobotRef::Number(robot.number);
        let given = Some(chosen.clone());
        let answer = world
            .robots()
            .replace_secret(&world.operator, named, given)
            .await;
        assert!(answer.unwrap().is_none());
        assert_eq!(world.fate(&robot.name, &chosen).await, "in");
    }
    let weak = Some(SecretString::new("weak"));
    let refused = world
        .robots()
        .replace_secret(&world.operator, RobotRef::Name("robot$one"), weak)
        .await;
    assert!(
        matches!(refused, Err(Refused::Failed(Error::Invalid(_)))),
        "{refused:?}"
    );
}
