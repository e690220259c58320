//! Signing in, and one's own password.

use crate::frame::Frame;
use askama::Template;

/// The form for signing in.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// What is around it.
    pub frame: Frame,
    /// Where to go afterwards.
    pub next: String,
    /// The name that was tried.
    pub name: String,
    /// Why it did not work.
    pub failed: Option<String>,
    /// Other ways to sign in: where, and what the way is called.
    pub elsewhere: Vec<(String, String)>,
}

/// The form for one's own password.
#[derive(Clone, Debug, Template)]
#[template(path = "password.html")]
pub struct Password {
    /// What is around it.
    pub frame: Frame,
    /// Whose password it is.
    pub name: String,
    /// Whether its reader is an operator of the deployment.
    pub is_operator: bool,
    /// Why it did not work.
    pub failed: Option<String>,
}
