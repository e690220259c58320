//! What robot accounts and trust rules may do, as it is typed.

use crate::console::visit::Visit;
use model::Action;
use services::{NamedPermission, PermissionPlace};

/// Places that one of them may be for.
const MOST_PLACES: usize = 200;

/// The actions that were ticked.
pub(super) fn ticked(visit: &Visit<'_>) -> Vec<Action> {
    let mut ticked = Vec::new();
    for action in visit.form.all("action").filter_map(Action::parse) {
        // Each once, however often the form says it: there are some dozens.
        if !ticked.contains(&action) {
            ticked.push(action);
        }
    }
    ticked
}

/// What was typed about what it may do.
pub(super) fn permissions(visit: &Visit<'_>, namespace: Option<&str>) -> Vec<NamedPermission> {
    let actions = ticked(visit);
    let at = |place| NamedPermission {
        place,
        actions: actions.clone(),
    };
    let named = |name: &str| at(PermissionPlace::Namespace(name.to_owned()));
    if let Some(name) = namespace {
        return vec![named(name)];
    }
    if visit.form.get("place") == "all" {
        return vec![at(PermissionPlace::EveryNamespace)];
    }
    let names = visit.form.get("namespaces");
    let names = names.split([' ', ',', '\n', '\t', '\r']);
    let names = names.filter(|name| !name.is_empty());
    // One more than anybody may have, which is refused.
    names.take(MOST_PLACES + 1).map(named).collect()
}
