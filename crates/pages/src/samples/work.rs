//! Samples of the pages of `work`.

use super::Kind;
use crate::{Language, Page};

pub(super) fn pages(_kind: Kind, _language: Language) -> Vec<Box<dyn Page>> {
    Vec::new()
}
