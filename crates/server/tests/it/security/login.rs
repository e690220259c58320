//! Guessing and breaking the login, and the first start.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::join_all;

use super::{assert_same, post_form, raw_status, request};
use crate::clients::daemon::Daemon;
use crate::registry::client::{Client, Credentials};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// T24: whether the name, the password or the permission to log in is wrong is not told, on any way in. (That they also
/// cost the same is shown in the tests of `services`.)
#[tokio::test]
async fn t24_what_was_wrong_is_not_told() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
        .setting("LIMITS__FAILED_LOGINS_PER_SECOND", 10_000)
        .start()
        .await;
    registry.get("/v2/").await.assert_status(200);
    let disabled = registry.create_user("disabled");
    registry.admin(&["user", "disable", "disabled"]);
    let revoked = registry.create_access_token(ADMIN, "revoked", &[]);
    registry.admin(&["token", "revoke", ADMIN, "revoked"]);
    let other = registry.create_access_token(ADMIN, "other", &[]);
    let callers = [
        registry.as_user(ADMIN, "Wrong-horse-8-battery"),
        registry.as_user("nobody", ADMIN_PASSWORD),
        disabled,
        revoked,
        // A good token under another name.
        registry.as_user("nobody", &super::secret_of(&other)),
        registry.as_user(ADMIN, "rst_0000000000000000000000000000000000000000"),
        registry.as_user(ADMIN, ""),
    ];
    for path in [
        "/v2/",
        "/v2/library/app/manifests/v1",
        "/service/token?scope=repository:library/app:pull",
    ] {
        let first = callers[0].get(path).await.assert_status(401);
        for caller in &callers[1..] {
            assert_same(&first, &caller.get(path).await, &[]);
        }
    }
}

/// T25: guessing is slowed down, and neither an invented client address nor another spelling of the name starts anew. Other
/// users are not in the way of that, and the right password does not get through meanwhile.
#[tokio::test]
async fn t25_guessing_is_slow_and_has_no_way_around() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 4)
        .setting("LIMITS__FAILED_LOGINS_WINDOW_SECS", 86400)
        .start()
        .await;
    let other = registry.create_user("other");
    let mut admitted = 0;
    for guess in 0..40 {
        let name = ["admin", "ADMIN", "Admin", " admin", "admin ", "aDMIN"][guess % 6];
        let client = registry.as_user(name, &format!("Wrong-horse-{guess}"));
        let call = match guess % 3 {
            0 => client.get("/v2/"),
            1 => client.get("/service/token"),
            _ => client.head("/v2/_catalog"),
        };
        let answer = call
            .header("x-forwarded-for", format!("198.51.100.{guess}"))
            .header("forwarded", format!("for=198.51.100.{guess}"))
            .header("x-real-ip", format!("198.51.100.{guess}"))
            .await;
        match answer.status() {
            401 => admitted += 1,
            429 => assert_ne!(answer.header("retry-after"), "0"),
            status => panic!("{status}"),
        }
    }
    assert!(admitted <= 4, "{admitted} guesses were looked at");
    assert!(admitted > 0);
    let form = format!("grant_type=password&username={ADMIN}&password={ADMIN_PASSWORD}");
    post_form(&registry, &form)
        .await
        .assert_error(429, "TOOMANYREQUESTS");
    registry
        .get("/v2/")
        .await
        .assert_error(429, "TOOMANYREQUESTS");
    other.get("/v2/").await.assert_status(200);
}

/// T25: trying many names from one address is slowed down as well.
#[tokio::test]
async fn t25_trying_many_names_is_slow_too() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 5)
        .setting("LIMITS__FAILED_LOGINS_WINDOW_SECS", 86400)
        .start()
        .await;
    let mut statuses = Vec::new();
    for number in 0..12 {
        let client = registry.as_user(&format!("user{number}"), "Password-1");
        statuses.push(client.get("/v2/").await.status());
    }
    let admitted = statuses.iter().filter(|status| **status == 401).count();
    assert!((1..=5).contains(&admitted), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    // Who shows a token, or nothing, is not in the way.
    registry.anonymous().get("/livez").await.assert_status(200);
    registry.anonymous().get("/v2/").await.assert_status(401);
}

/// T26: what is odd about a login is understood or refused, never a defect: colons, other alphabets, no text at all,
/// NUL, too much.
#[tokio::test]
async fn t26_odd_logins_are_understood_or_refused() {
    const PASSWORD: &str = "Aa1:with:colons:ä:✓ and space";
    let registry = TestRegistry::builder()
        .setting("ADMIN_PASSWORD", PASSWORD)
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
        .start()
        .await;
    registry
        .as_user(ADMIN, PASSWORD)
        .get("/v2/")
        .await
        .assert_status(200);
    for part in PASSWORD.split(':') {
        registry
            .as_user(ADMIN, part)
            .get("/v2/")
            .await
            .assert_status(401);
    }
    let basic = |bytes: &[u8]| format!("Authorization: Basic {}\r\n", BASE64.encode(bytes));
    let long = |length: usize| [b"admin:".as_slice(), &vec![b'a'; length]].concat();
    for (header, status) in [
        (basic(b"admin"), 401),
        (basic(b":"), 401),
        (basic(b"admin:"), 401),
        (basic(b"\xff\xfe:\xff"), 401),
        (basic(b"admin:\xff"), 401),
        (basic(b"admin\0:x"), 401),
        (basic(format!("admin:{PASSWORD}\0").as_bytes()), 401),
        (basic(format!("admin\n:{PASSWORD}").as_bytes()), 401),
        (basic(&long(1024)), 401),
        (basic(&long(20_000)), 401),
        (basic(&long(64 * 1024)), 431),
        ("Authorization: Basic\r\n".to_owned(), 401),
        ("Authorization: Basic ====\r\n".to_owned(), 401),
        ("Authorization: basic\r\n".to_owned(), 401),
        ("Authorization: \r\n".to_owned(), 401),
        (
            "Authorization: Digest username=\"admin\"\r\n".to_owned(),
            401,
        ),
        ("Authorization: Bearer \r\n".to_owned(), 401),
        (
            format!("{0}{0}", basic(format!("admin:{PASSWORD}").as_bytes())),
            401,
        ),
    ] {
        let start = header.chars().take(60).collect::<String>();
        let answer = registry.raw(request("GET /v2/", &header, "")).await;
        let (got, text) = raw_status(&answer);
        assert_eq!(got, status, "{start}: {text}");
    }
}

/// T26: the same by form, whose fields may hold anything.
#[tokio::test]
async fn t26_odd_forms_are_refused() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__FAILED_LOGINS_PER_NAME", 100_000)
        .start()
        .await;
    registry.get("/v2/").await.assert_status(200);
    for form in [
        "grant_type=password&username=admin&password=%ff%fe".to_owned(),
        "grant_type=password&username=admin%00&password=x".to_owned(),
        "grant_type=password&username=admin&password=x%00".to_owned(),
        format!(
            "grant_type=password&username=admin&password={}",
            "a".repeat(60_000)
        ),
        format!(
            "grant_type=password&username={}&password=x",
            "a".repeat(60_000)
        ),
    ] {
        post_form(&registry, &form)
            .await
            .assert_error(401, "UNAUTHORIZED");
    }
    let form = format!("grant_type=password&username={}", "a".repeat(70_000));
    post_form(&registry, &form).await.assert_status(413);
    for form in [
        "",
        "grant_type=client_credentials",
        "grant_type=password%00",
        "=&&&==&%",
    ] {
        post_form(&registry, form).await.assert_status(400);
    }
}

/// T26: many logins at once take a bounded amount of memory, and those in the line get an answer. Those who are known go by.
#[tokio::test]
async fn t26_many_logins_at_once_take_bounded_memory() {
    let registry = TestRegistry::builder()
        .setting("LIMITS__PASSWORD_CHECKS_AT_ONCE", 1)
        .setting("LIMITS__FAILED_LOGINS_PER_ADDRESS", 100_000)
        .start()
        .await;
    registry.get("/v2/").await.assert_status(200);
    let before = registry.anonymous_memory();
    let guesses = (0..60).map(|number| {
        let registry = &registry;
        async move {
            let client = registry.as_user(&format!("user{number}"), "Password-1");
            client.get("/v2/").await.status()
        }
    });
    let statuses = join_all(guesses).await;
    assert!(
        statuses.iter().all(|status| matches!(status, 401 | 429)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&401));
    let grown = registry.anonymous_memory().saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
    registry.get("/v2/").await.assert_status(200);
}

/// Starts the program as someone would who only has it, and returns what it prints until it serves.
fn serve_untold(data: &Path) -> (Daemon, Vec<String>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command
        .env_clear()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .env("ROADSTEAD_METRICS__ADDRESS", "");
    let mut lines = Vec::new();
    let (daemon, origin) = Daemon::start(command, |line| {
        lines.push(line.to_owned());
        line.strip_prefix("Serving ")?
            .split(' ')
            .next()
            .map(str::to_owned)
    });
    (daemon, lines, origin)
}

/// T72: there is no password that anyone could know. The first start prints one, once; it is nowhere on the disk, and
/// what is on the disk is for its owner only.
#[tokio::test]
async fn t72_the_first_password_is_generated_and_shown_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let (daemon, mut lines, origin) = serve_untold(&data);
    let password = loop {
        let line = daemon
            .next_line(crate::registry::PATIENCE)
            .expect("it says more");
        lines.push(line.clone());
        let before = lines
            .iter()
            .rev()
            .nth(2)
            .is_some_and(|line| line.contains("shown this once"));
        if before && line.starts_with("    ") {
            break line.trim().to_owned();
        }
    };
    assert!(password.len() >= 16, "{} characters", password.len());
    let client = |password: &str| Client::new(origin.clone(), Credentials::basic(ADMIN, password));
    client(&password).get("/v2/").await.assert_status(200);
    for guess in [
        "",
        "admin",
        "password",
        "Harbor12345",
        "roadstead",
        "changeme",
        "12345",
    ] {
        let status = client(guess).get("/v2/").await.status();
        assert!(matches!(status, 401 | 429), "{guess}: {status}");
    }
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("deployment.key")), 0o600);
    assert_eq!(mode(&data.join("admin.sock")), 0o600);
    daemon.stop();

    for name in ["roadstead.db", "roadstead.db-wal", "deployment.key"] {
        // Some are not there after an orderly end.
        let bytes = std::fs::read(data.join(name)).unwrap_or_default();
        let has_it = bytes
            .windows(password.len())
            .any(|part| part == password.as_bytes());
        assert!(!has_it, "{name} holds the password");
    }
    let (daemon, mut lines, _) = serve_untold(&data);
    daemon.stop_and(&mut lines);
    let text = lines.join("\n");
    assert!(!text.contains(&password), "{text}");
    assert!(!text.contains("password"), "{text}");
}

/// T72: no one registers by themselves, and beside what administrators may do no path of the listener sets anything up.
#[tokio::test]
async fn t72_nothing_can_be_set_up_from_outside() {
    let registry = TestRegistry::start().await;
    let users = |registry: &TestRegistry| {
        let list = registry.admin(&["user", "list"]);
        let names = list.as_array().expect("a list").iter();
        names
            .map(|user| user["name"].to_string())
            .collect::<BTreeSet<_>>()
    };
    let user = registry.create_user("zoe");
    let before = users(&registry);
    let body = r#"{"username":"eve","password":"Password-1","has_admin_role":true}"#;
    let post = |caller: &Client, path: &str| {
        let call = caller.request(http::Method::POST, path);
        call.content_type("application/json").body(body)
    };
    for caller in [&registry.anonymous(), &user, &*registry] {
        for path in ["/api/v1/accounts", "/v2/users", "/service/users", "/setup"] {
            let status = post(caller, path).await.status();
            assert!(matches!(status, 404 | 405), "{path}: {status}");
        }
    }
    for (caller, status) in [(&registry.anonymous(), 401), (&user, 403)] {
        post(caller, "/api/v2.0/users").await.assert_status(status);
    }
    assert_eq!(users(&registry), before);
}

impl Daemon {
    /// Ends it gracefully and keeps what it still says.
    fn stop_and(self, lines: &mut Vec<String>) {
        while let Some(line) = self.next_line(std::time::Duration::from_millis(500)) {
            lines.push(line);
        }
        self.stop();
    }
}
