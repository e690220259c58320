//! What is shown instead of a page.

use crate::frame::Frame;
use askama::Template;

/// Why there is no page.
#[derive(Clone, Debug, Template)]
#[template(path = "failure.html")]
pub struct Failure {
    /// What is around it.
    pub frame: Frame,
    /// What happened and what to do, in the page's language.
    pub why: &'static str,
    /// The same in the service's own words, where those say more.
    pub detail: Option<String>,
}
