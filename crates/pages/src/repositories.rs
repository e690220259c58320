//! A namespace's repositories.

use crate::frame::Frame;
use crate::values::Moment;
use askama::Template;

/// The repositories of a namespace.
#[derive(Clone, Debug, Template)]
#[template(path = "repositories.html")]
pub struct Repositories {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// The namespace's name.
    pub namespace: String,
    /// What was looked for.
    pub words: String,
    /// The repositories, by their names.
    pub repositories: Vec<RepositoryLine>,
    /// Where the next ones are.
    pub next: Option<String>,
}

/// A repository in a list.
#[derive(Clone, Debug)]
pub struct RepositoryLine {
    /// Its whole name.
    pub name: String,
    /// Artifacts in it.
    pub artifacts: u64,
    /// How often something was pulled from it.
    pub pulls: u64,
    /// When something was last pulled from it, if that is known.
    pub last_pull: Option<Moment>,
    /// When it last changed.
    pub updated: Moment,
}
