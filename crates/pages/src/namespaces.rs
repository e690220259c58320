//! An account's namespaces.

use crate::frame::Frame;
use askama::Template;

/// The namespaces that the reader may see.
#[derive(Clone, Debug, Template)]
#[template(path = "namespaces.html")]
pub struct Namespaces {
    /// What is around it.
    pub frame: Frame,
    /// The account's name.
    pub account: String,
    /// What was looked for.
    pub words: String,
    /// The namespaces, by their names.
    pub namespaces: Vec<NamespaceLine>,
    /// Where the next ones are.
    pub next: Option<String>,
    /// The form for another one, for those who may make one.
    pub form: Option<NamespaceForm>,
}

/// A namespace in a list.
#[derive(Clone, Debug)]
pub struct NamespaceLine {
    /// Its name.
    pub name: String,
    /// Whether everyone may pull from it.
    pub is_public: bool,
    /// Repositories in it.
    pub repositories: u64,
}

/// The form for a new namespace, as it was filled in.
#[derive(Clone, Debug, Default)]
pub struct NamespaceForm {
    /// The name that was tried.
    pub name: String,
    /// Why it did not work.
    pub failed: Option<String>,
}
