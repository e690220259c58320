//! T12: names, numbers and ids of one account in the hands of another's administrator. Every operation that takes one is tried,
//! through the account's own paths and through those of its owner, and gets what a name gets that nothing has: see [`super::changes`].

use std::fmt::Write as _;

use super::changes::{Request, Things, requests};
use super::matrix::{Face, FaceKind};
use super::seen;
use crate::registry::client::{Answer, Client};

/// What an answer has to be: of what the other account has, nothing is there.
fn is_nothing(answer: &Answer, is_named: bool) -> bool {
    match answer.status() {
        404 => true,
        // Who names an account that is not its own is told so, whatever it asks for there.
        403 => is_named,
        _ => false,
    }
}

/// Sends a request with names of `own`, and once more with names that nothing has: says how the answers differ.
async fn compare(
    face: &Face,
    request: &Request,
    things: &Things,
    client: &Client,
) -> Option<String> {
    if request.body.contains("{private_key}") {
        // It is looked at before its name is, and is for this one name.
        return None;
    }
    let there = request.call(face, client, things).await;
    things.stand_in_for_nothing(true);
    let nothing = request.call(face, client, things).await;
    things.stand_in_for_nothing(false);
    let [there, nothing] = [&there, &nothing].map(|answer| {
        let request = answer.find_header("x-request-id").unwrap_or_default();
        let told = things.unnamed(&seen(answer, &[request]));
        let lines = told.lines();
        // As long as the name that was asked for.
        let lines = lines.filter(|line| !line.starts_with("content-length: "));
        lines.collect::<Vec<_>>().join("\n")
    });
    (there != nothing).then(|| {
        let (operation, path) = (request.operation, request.path);
        format!("{operation} {path} of another:\n{there}\nof nobody:\n{nothing}\n")
    })
}

/// Sends a request as somebody who has nothing to do with `own`; says what is wrong with the answer.
async fn attack(
    face: &Face,
    request: &Request,
    things: &Things,
    (client, named): (&Client, Option<&str>),
) -> Option<String> {
    let mut call = request.call(face, client, things);
    if let Some(named) = named {
        call = call.header("account", named);
    }
    let answer = call.await;
    (!is_nothing(&answer, named.is_some())).then(|| {
        let (status, text) = (answer.status(), answer.text());
        format!("{} {}: {status} {text}", request.operation, request.path)
    })
}

async fn swap(face: &Face) {
    let things = Things::start().await;
    let before = things.contents_of("own");
    let mut problems = String::new();
    for request in requests(face) {
        let fay = (&things.fay, None);
        let mut wrong = Vec::new();
        if face.kind == FaceKind::AccountApi {
            // By the owner's paths: there is no such account, and no such deployment.
            if request.path.starts_with("/accounts/") || request.is_of_deployment {
                things.stand_in("own", "own");
                wrong.extend(attack(face, &request, &things, fay).await);
            }
        } else {
            things.stand_in("other", "theirs");
            let named = (&things.fay, Some("own"));
            wrong.extend(attack(face, &request, &things, named).await);
        }
        // By its own paths: there is nothing of that name or number.
        if request.names_things() && !request.is_of_deployment {
            things.stand_in("other", "theirs");
            wrong.extend(attack(face, &request, &things, fay).await);
            wrong.extend(compare(face, &request, &things, &things.fay).await);
        }
        for text in wrong {
            _ = writeln!(problems, "{text}");
        }
        let after = things.contents_of("own");
        if after != before {
            let (operation, path) = (request.operation, request.path);
            let tables = after
                .keys()
                .filter(|table| after.get(*table) != before.get(*table));
            let tables: Vec<_> = tables.collect();
            panic!("{operation} {path} changed what is another account's: {tables:?}\n{problems}");
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[tokio::test]
async fn t12_harbors_names_and_numbers_are_nothing_in_another_account() {
    swap(&Face::harbor()).await;
}

#[tokio::test]
async fn t12_ids_of_the_account_api_are_nothing_in_another_account() {
    swap(&Face::account_api()).await;
}

#[tokio::test]
async fn t12_ibms_names_are_nothing_in_another_account() {
    swap(&Face::ibm()).await;
}
