//! T9: whoever may not see something gets the same answer for the same work as if it were not there. The answers of `/v2` to all
//! callers are compared in [`super::authorization_matrix`]; here the other faces', and what each answer costs: no clock is
//! read, but what the database and the store were asked is counted.

use http::Method;

use super::assert_same;
use super::matrix::World;
use crate::registry::TestRegistry;
use crate::registry::client::{Answer, Client};
use crate::registry::content::sha256;

/// How often something is asked.
const TIMES: u64 = 30;

/// What is asked of a repository.
const ASKED: &[(&str, &str)] = &[
    ("GET", "manifests/v1"),
    ("GET", "blobs/{digest}"),
    ("GET", "tags/list"),
    ("POST", "blobs/uploads/"),
    ("GET", "blobs/uploads/01931c5e-7b1a-7c3d-9e4f-0123456789ab"),
    ("DELETE", "manifests/{digest}"),
];

/// Statements that the database ran, and operations of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    statements: u64,
    operations: u64,
}

async fn done_so_far(registry: &TestRegistry) -> Work {
    let metrics = registry.metrics().await;
    let sum = |name: &str| -> u64 {
        let series = metrics.lines().filter(|line| line.starts_with(name));
        let values = series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        let sum: f64 = values.sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        {
            sum as u64
        }
    };
    assert!(metrics.contains("roadstead_database_statements_total "));
    Work {
        statements: sum("roadstead_database_statements_total"),
        operations: sum("roadstead_store_operations_total"),
    }
}

/// A world in which the jobs of the first minute are done, and what happened is sealed.
async fn at_rest() -> World {
    let world = World::start().await;
    let waiting = "SELECT (SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running')) \
         + (SELECT COUNT(*) FROM events WHERE number IS NULL)";
    while world.registry.sql(waiting)[0][0] != "0" {
        tokio::task::yield_now().await;
    }
    world
}

/// An answer, and what it cost when it had been given before. What the registry does by itself meanwhile is less than a
/// statement for each.
async fn answered(
    registry: &TestRegistry,
    client: &Client,
    (method, path): (&str, &str),
) -> (Answer, Work) {
    let ask = || {
        let method: Method = method.parse().expect("a method");
        client.request(method, path).header("content-length", "0")
    };
    let answer = ask().await;
    let before = done_so_far(registry).await;
    for _ in 0..TIMES {
        ask().await;
    }
    let after = done_so_far(registry).await;
    let work = Work {
        statements: (after.statements - before.statements) / TIMES,
        operations: (after.operations - before.operations) / TIMES,
    };
    (answer, work)
}

/// Fails unless a caller gets the same of all these paths, and for the same work.
async fn expect_same(
    registry: &TestRegistry,
    (name, client): (&str, &Client),
    method: &str,
    paths: &[(&str, &str)],
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut first: Option<(Answer, Work)> = None;
    for (path, named) in paths {
        let (answer, work) = answered(registry, client, (method, path)).await;
        assert!(
            matches!(answer.status(), 401 | 403 | 404),
            "{name} {path}: {}",
            answer.status()
        );
        let Some((there, cost)) = &first else {
            first = Some((answer, work));
            continue;
        };
        assert_same(there, &answer, &[paths[0].1, named]);
        if work != *cost {
            problems.push(format!(
                "{name}: {method} {path} costs {work:?}, {} {cost:?}",
                paths[0].0
            ));
        }
    }
    problems
}

#[tokio::test]
async fn t9_a_repository_that_may_not_be_seen_costs_what_none_costs() {
    let world = at_rest().await;
    let registry = &world.registry;
    let digest = sha256("anything");
    // It is known to the registry: its own people use it.
    world
        .ann
        .get("/v2/own/app/tags/list")
        .await
        .assert_status(200);
    let mut problems = Vec::new();
    for name in ["anonymous", "member", "foreign-administrator"] {
        let client = &world.caller(name).client;
        let token = client
            .with_token(&["repository:own/app:pull,push,delete"])
            .await;
        for (how, client) in [("", client), (" with a token", &token)] {
            let who = format!("{name}{how}");
            for (method, asked) in ASKED {
                let asked = asked.replace("{digest}", &digest);
                // A namespace that does not exist is one that some of them could make by a push to it.
                let could_make = asked.contains("uploads") && name.contains("administrator");
                let places: &[&str] = if could_make {
                    &["own/app", "own/aaa"]
                } else {
                    &["own/app", "own/aaa", "aaa/app"]
                };
                let paths: Vec<String> = places
                    .iter()
                    .map(|place| format!("/v2/{place}/{asked}"))
                    .collect();
                let paths: Vec<(&str, &str)> = paths
                    .iter()
                    .map(String::as_str)
                    .zip(places.iter().copied())
                    .collect();
                problems.extend(expect_same(registry, (&who, client), method, &paths).await);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn t9_an_account_that_may_not_be_seen_costs_what_none_costs() {
    let world = at_rest().await;
    let mut problems = Vec::new();
    for name in [
        "foreign-administrator",
        "foreign-member",
        "operator",
        "anonymous",
    ] {
        let caller = world.caller(name);
        let who = (caller.name, &caller.client);
        for below in [
            "",
            "/members",
            "/audit-events",
            "/grants",
            "/network",
            "/roles/none",
        ] {
            let (there, nowhere) = (
                format!("/api/v1/accounts/own{below}"),
                format!("/api/v1/accounts/zzz{below}"),
            );
            let paths = [(there.as_str(), "own"), (nowhere.as_str(), "zzz")];
            problems.extend(expect_same(&world.registry, who, "GET", &paths).await);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Within an account: a member who has no role in a project, and a robot account of another one.
#[tokio::test]
async fn t9_a_project_that_may_not_be_seen_costs_what_none_costs() {
    let world = at_rest().await;
    let mut problems = Vec::new();
    for name in ["member", "foreign-member"] {
        let client = &world.caller(name).client;
        for below in [
            "",
            "/repositories",
            "/repositories/app",
            "/members",
            "/logs",
            "/summary",
        ] {
            let (there, nowhere) = (
                format!("/api/v2.0/projects/own{below}"),
                format!("/api/v2.0/projects/zzz{below}"),
            );
            let paths = [(there.as_str(), "own"), (nowhere.as_str(), "zzz")];
            problems.extend(expect_same(&world.registry, (name, client), "GET", &paths).await);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
