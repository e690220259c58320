//! The console, as browsers meet it: pages, forms, cookies. What needs a real browser is in [`crate::clients`].

mod artifacts;
mod content;
mod forms;
mod invitations;
mod lists;
mod matrix;
mod members;
mod operator;
mod people;
mod policies;
mod settings;
mod settings_addresses;
mod settings_collections;
mod settings_sinks;
mod settings_sources;
mod shown;
mod sign_in;
mod tokens;
mod trust_rules;
mod users;
mod work;

use crate::registry::backends::Backends;
use crate::registry::client::{Answer, Client, Credentials};
use crate::registry::{ADMIN, ADMIN_PASSWORD, TestRegistry};

/// Both databases.
const BOTH: [Backends; 2] = [Backends::EMBEDDED, Backends::PRODUCTION];
/// The overview of the account that is there from the first start on.
const OVERVIEW: &str = "/console/accounts/default";

/// Somebody with a browser: what it got as cookie it shows.
pub(crate) struct Browser {
    client: Client,
    session: String,
}

impl Browser {
    /// Nobody yet.
    fn new(registry: &TestRegistry) -> Self {
        Self {
            client: registry.anonymous(),
            session: String::new(),
        }
    }

    /// Somebody who has signed in.
    async fn signed_in(registry: &TestRegistry, name: &str, password: &str) -> Self {
        let mut browser = Self::new(registry);
        let entered = browser.enter(name, password).await.assert_status(303);
        browser.keep(&entered);
        browser
    }

    /// The administrator.
    pub(crate) async fn administrator(registry: &TestRegistry) -> Self {
        Self::signed_in(registry, ADMIN, ADMIN_PASSWORD).await
    }

    /// Whoever a client of the other faces is.
    async fn of(registry: &TestRegistry, client: &Client) -> Self {
        let Credentials::Basic { name, password } = client.credentials() else {
            panic!("a name and a password");
        };
        Self::signed_in(registry, name, password).await
    }

    /// Sends the form for signing in.
    async fn enter(&self, name: &str, password: &str) -> Answer {
        self.send(
            "/console/sign-in",
            &[("name", name), ("password", password)],
        )
        .await
    }

    /// Keeps the cookie that an answer sets.
    fn keep(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie");
        let pair = cookie.split(';').next().unwrap_or_default();
        pair.clone_into(&mut self.session);
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(path).header("cookie", &self.session).await
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await.assert_status(200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        answer.text()
    }

    /// Sends a form as it is.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = reqwest::Url::parse_with_params("http://form/", fields);
        let form = form.expect("a form").query().unwrap_or_default().to_owned();
        self.client
            .post(path)
            .header("cookie", &self.session)
            .content_type("application/x-www-form-urlencoded")
            .body(form)
            .await
    }

    /// Fills in and sends the form of a page.
    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.send(path, &all).await
    }

    /// The token that the session's forms have in them.
    async fn csrf(&self) -> String {
        let page = self.page("/console/password").await;
        let (_, rest) = page
            .split_once("name=\"csrf\" value=\"")
            .expect("a form with a token");
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}
