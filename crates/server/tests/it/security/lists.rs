//! T69: what lists may be asked for. Filters and orders name the fields of a list, and whatever they hold is text: nobody asks a
//! list about a column that it does not show.

use std::fmt::Write as _;

use super::{escaped, matrix::Face};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

/// Columns that no list shows.
const SECRET: &[&str] = &[
    "password_hash",
    "secret_hash",
    "previous_secret_hash",
    "sealed_client_secret",
    "credential_epoch",
    "account_id",
    "home_account_id",
    "u.password_hash",
    "users.password_hash",
];

/// Texts that would mean something to a database.
const HOSTILE: &[&str] = &[
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "\" UNION SELECT password_hash FROM users --",
    "name) UNION SELECT 1 --",
    "1 ASC, (SELECT password_hash FROM users)",
    "\\",
    "%",
    "_",
];

/// The lists of Harbor's face that an account's administrator reads.
fn lists() -> Vec<String> {
    let all = Face::harbor().operations.into_iter();
    let plain = all.filter(|(id, method, path)| {
        let is_list = id.to_lowercase().starts_with("list");
        *method == "GET" && is_list && !path.contains("{reference}")
    });
    let filled = plain.map(|(_, _, path)| {
        path.replace("{project_name_or_id}", "library")
            .replace("{project_name}", "library")
            .replace("{repository_name}", "app")
    });
    filled.collect()
}

#[tokio::test]
async fn t69_no_list_answers_about_what_it_does_not_show() {
    let registry = TestRegistry::start().await;
    registry.push_image("library/app", "v1").await;
    registry.create_member("library", "alice", "developer");
    registry.admin(&["robot", "create", "ci"]);
    let lists = lists();
    assert!(lists.len() > 8, "{lists:?}");
    let mut problems = String::new();
    for list in &lists {
        let ask = async |query: &str| {
            let path = format!("/api/v2.0{list}?{query}");
            let answer = registry.get(&path).await;
            (answer.status(), answer.text())
        };
        for column in SECRET {
            // What is right of a column that is compared would show in the answer.
            for [one, other] in [
                [
                    format!("q={column}%3D~%24argon2"),
                    format!("q={column}%3D~nothing"),
                ],
                [
                    format!("q={column}%3D%5B0~9%5D"),
                    format!("q={column}%3D%5Bx~z%5D"),
                ],
                [format!("sort={column}"), format!("sort=-{column}")],
            ] {
                let (one, other) = (ask(&one).await, ask(&other).await);
                let is_refused = one.0 == 400 && other.0 == 400;
                if one != other && !is_refused {
                    _ = writeln!(
                        problems,
                        "{list} answers about {column}: {one:?}, {other:?}"
                    );
                }
            }
        }
        for text in HOSTILE {
            let text = escaped(text);
            for query in [
                format!("q=name%3D{text}"),
                format!("q={text}%3Dx"),
                format!("q={text}"),
                format!("sort={text}"),
                format!("page_size={text}"),
            ] {
                let (status, body) = ask(&query).await;
                if status >= 500 || body.contains("argon2") || body.contains("SQL") {
                    _ = writeln!(problems, "{list}?{query}: {status} {body}");
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

/// Signs that stand for others in a pattern stand for themselves.
#[tokio::test]
async fn t69_a_search_is_for_a_text_and_no_pattern() {
    let registry = TestRegistry::start().await;
    for name in ["with_line", "withoutline", "a.b"] {
        registry.create_user(name);
    }
    let found = async |text: &str| {
        let path = format!("/accounts/default/members?q={}", escaped(text));
        let answer = registry.v1_get(&path).await.assert_status(200);
        answer.items("name").len()
    };
    for (text, names) in [
        ("with", 2),
        ("_", 1),
        ("h_l", 1),
        ("%", 0),
        ("with%", 0),
        ("w*", 0),
        ("\\", 0),
        (".", 1),
    ] {
        assert_eq!(found(text).await, names, "{text}");
    }
}
