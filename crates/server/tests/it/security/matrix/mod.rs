//! Every operation of a face and every kind of caller, as one table to be read: a row says what its operation needs, a
//! [`Caller`] what it was given, and what is expected follows from both by the catalogue of actions.
//!
//! 401 is for nobody and for a wrong login, 404 for what may not be seen, 403 for what may be seen but not done. Harbor's
//! contract says 403 where ours says 404, and 401 to nobody. Each request is one that changes nothing when it is let
//! through: all callers send it, one after the other. An operation without a row fails, and so does a row without one.

mod callers;
mod expected;
mod outsiders;

use std::fmt::Write as _;

use model::{Action, OperatorRole, Right};
use oci::ScopeActions;
use serde_json::Value;
use services::OperatorAction;

use crate::registry::client::{Answer, Call, Client};

pub(super) use callers::World;

/// What is asked about: the account, its private namespace, and a repository there.
const OWN: &str = "own";
const REPOSITORY: &str = "app";

/// What an operation needs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Nothing: it is for everybody.
    Everyone,
    /// Nothing, but a credential that is good for the action where one is shown.
    EveryoneFor(Action),
    /// A login, of whatever kind.
    Known,
    /// A login with a credential that is good for the action.
    KnownFor(Action),
    /// A person, with whatever credential.
    Person,
    /// A person with a credential that is made for everything.
    WholePerson,
    /// To be of the account that the path names.
    Fellow,
    /// The action on the account itself: the one in the path, else the caller's own.
    Account(Action),
    /// The action on the namespace `own`.
    Namespace(Action),
    /// The action on a namespace that does not exist: whoever may do it in every namespace is told so.
    Absent(Action),
    /// The action on the namespace `own`, or on a part of it.
    Part(Action),
    /// The action on the repository `own/app`, and on those whose names begin like it.
    Repository(Action),
    /// The action in the account, on whatever of it.
    Somewhere(Action),
    /// The action of operators.
    Operator(OperatorAction),
    /// All of these.
    All(&'static [Need]),
    /// Any of these.
    Any(&'static [Need]),
}

/// Operation, path below the face, body, and what it needs.
pub(super) type Row = (&'static str, &'static str, &'static str, Need);

/// One of the management APIs.
pub(super) struct Face {
    pub(super) prefix: &'static str,
    /// The operations that there are: name, method and path.
    pub(super) operations: Vec<(&'static str, &'static str, &'static str)>,
    /// Whether it is ours: only there paths name accounts, and only there strangers get 404.
    pub(super) kind: FaceKind,
}

impl Face {
    pub(super) fn account_api() -> Self {
        let all = web::account_api::OPERATIONS.iter();
        Self {
            prefix: "/api/v1",
            operations: all.map(|one| (one.id, one.method, one.path)).collect(),
            kind: FaceKind::AccountApi,
        }
    }

    pub(super) fn harbor() -> Self {
        let all = web::harbor::OPERATIONS.iter();
        Self {
            prefix: "/api/v2.0",
            operations: all.map(|one| (one.id, one.method, one.path)).collect(),
            kind: FaceKind::Harbor,
        }
    }

    pub(super) fn ibm() -> Self {
        let all = web::ibm::OPERATIONS.iter();
        Self {
            prefix: "/api/v1",
            operations: all.map(|one| (one.id, one.method, one.path)).collect(),
            kind: FaceKind::Ibm,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaceKind {
    AccountApi,
    Harbor,
    Ibm,
}

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nobody,
    /// Whose name and secret are no login, or none any more.
    WrongLogin,
    Person,
    Machine,
    /// Who shows a token for images.
    Bearer,
}

/// One kind of caller, and what it was given.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) client: Client,
    pub(super) kind: Kind,
    /// The account that its requests are about where they name none.
    home: &'static str,
    /// Whether it is of [`OWN`] without any right.
    is_member: bool,
    /// The account that it names in a header.
    names: Option<&'static str>,
    rights: Vec<Right>,
    /// What a personal access token is restricted to.
    made_for: Option<ScopeActions>,
    operator: Vec<OperatorRole>,
}

impl World {
    /// The caller of that name.
    pub(super) fn caller(&self, name: &str) -> &Caller {
        let found = self.callers.iter().find(|caller| caller.name == name);
        found.unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// Those who have nothing to do with the account `own`.
    pub(super) fn strangers(&self) -> Vec<&Caller> {
        let all = self.callers.iter();
        let asks = |caller: &&Caller| !matches!(caller.kind, Kind::Bearer | Kind::WrongLogin);
        all.filter(asks)
            .filter(|caller| !caller.belongs_to(OWN))
            .collect()
    }
}

/// What is expected of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Through,
    Unauthorized,
    Forbidden,
    Hidden,
}

/// What an answer says of whether its caller was let through.
fn outcome(answer: &Answer) -> Expected {
    let is_hidden = answer.text().contains("or you may not see it");
    match answer.status() {
        401 => Expected::Unauthorized,
        403 => Expected::Forbidden,
        404 if is_hidden => Expected::Hidden,
        _ => Expected::Through,
    }
}

fn call(client: &Client, face: &Face, (method, path, body): (&str, &str, &str)) -> Call {
    let method = method.parse().expect("a method");
    let call = client.request(method, &format!("{}{path}", face.prefix));
    if body.is_empty() {
        return call;
    }
    serde_json::from_str::<Value>(body).expect("JSON");
    call.content_type("application/json").body(body.to_owned())
}

/// Sends each row as each caller; what is not as expected is told all at once. `wrong` are exceptions by operation and
/// caller, each with its reason, where the answer is another one.
pub(super) async fn check(world: &World, face: &Face, rows: &[Row], exceptions: &[Exception]) {
    let mut problems = String::new();
    for (id, method, _) in &face.operations {
        let of_operation: Vec<&Row> = rows.iter().filter(|row| row.0 == *id).collect();
        if of_operation.is_empty() {
            _ = writeln!(problems, "{id} has no row");
        }
        for (index, row) in of_operation.into_iter().enumerate() {
            for caller in world
                .callers
                .iter()
                .filter(|one| one.asks(id.len() + index))
            {
                let path = world.fresh(row.1).await;
                let mut call = call(&caller.client, face, (method, &path, row.2));
                if let Some(named) = caller.names.filter(|_| face.kind != FaceKind::AccountApi) {
                    call = call.header("account", named);
                }
                let answer = call.await;
                let status = answer.status();
                let by_catalogue = caller.expected(*row, face.kind);
                let excepted = exceptions.iter().find(|one| one.is_for(id, caller.name));
                let expected = excepted.map_or(by_catalogue, Exception::expected);
                // Whoever guesses at one name again and again is told to wait, sooner or later.
                let is_slowed_down = status == 429 && expected == Expected::Unauthorized;
                if (outcome(&answer) != expected && !is_slowed_down) || status >= 500 {
                    let (text, name) = (answer.text(), caller.name);
                    _ = writeln!(
                        problems,
                        "{id} by {name}: {status}, not {expected:?}: {text}"
                    );
                }
            }
        }
    }
    for row in rows {
        if !face.operations.iter().any(|(id, _, _)| *id == row.0) {
            _ = writeln!(problems, "{} is no operation any more", row.0);
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Where the answer is not what the catalogue says, and why.
pub(super) struct Exception {
    pub(super) operations: &'static [&'static str],
    pub(super) callers: &'static [&'static str],
    /// Whether they are let through.
    pub(super) is_through: bool,
    /// Why that is right.
    pub(super) reason: &'static str,
}

impl Exception {
    fn is_for(&self, operation: &str, caller: &str) -> bool {
        assert!(!self.reason.is_empty());
        self.operations.contains(&operation) && self.callers.contains(&caller)
    }

    fn expected(&self) -> Expected {
        if self.is_through {
            Expected::Through
        } else {
            Expected::Forbidden
        }
    }
}
