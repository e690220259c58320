//! The console's pages: what each of them shows, and how that becomes HTML.
//!
//! A page is a struct with everything that its template needs, and a [`Frame`] around it. Nothing here asks or decides
//! anything: `web` fills the structs from the services and sends what [`Page::html`] gives. Every text stands in one catalogue
//! ([`Texts`]), in every language.

mod assets;
mod frame;
mod links;
mod texts;
mod values;

pub mod account;
pub mod artifact;
pub mod artifacts;
pub mod charts;
pub mod content;
pub mod failure;
pub mod namespaces;
pub mod operator;
pub mod people;
pub mod policies;
pub mod repositories;
pub mod settings;
pub mod sign_in;
pub mod work;

#[cfg(test)]
mod samples;

pub use assets::{Asset, find_asset};
pub use frame::{AccountFrame, Frame, NamespaceFrame, Notice, Reader, Section, Tab};
pub use links::{Link, encoded, within};
pub use texts::{Counted, Language, Texts, fill};
pub use values::{Bytes, Moment};

/// A page that can be sent.
pub trait Page {
    /// The whole document.
    fn html(&self) -> String;
}

/// Every template is a page; rendering one writes to memory and cannot fail.
impl<T: askama::Template> Page for T {
    fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}
