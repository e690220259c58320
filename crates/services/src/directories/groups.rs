//! Groups as directories know them: listed by their members' entries, or listing their members.

use super::{DirectoryGroup, MAX_FOUND, written};
use metadata::LdapSettings;
use outbound::directory::{
    Directory, DirectoryEntry, DirectoryFailed, DirectoryScope, DirectorySearch, Filter,
    first_value, is_below,
};

/// Groups of one person that are looked at.
const MAX_GROUPS: usize = 200;

/// The groups that somebody is in, of those that matter.
pub(super) async fn of_person(
    directory: &mut Directory,
    settings: &LdapSettings,
    person: &DirectoryEntry,
    name: &str,
) -> Result<Vec<DirectoryGroup>, DirectoryFailed> {
    if settings.membership_attribute.is_empty() {
        let is_member = Filter::Any(vec![
            Filter::equals("member", person.name.as_bytes()),
            Filter::equals("uniqueMember", person.name.as_bytes()),
            Filter::equals("memberUid", name.as_bytes()),
        ]);
        return below_base(directory, settings, is_member, MAX_GROUPS).await;
    }
    let mut groups = Vec::new();
    let listed = person.texts(&settings.membership_attribute);
    for entry in listed.into_iter().take(MAX_GROUPS) {
        let plain = first_value(entry, &settings.group_name_attribute);
        // What its name says need not be asked.
        let known = plain.filter(|_| settings.group_filter.is_empty());
        if !is_below(entry, &settings.group_base_dn) {
            continue;
        }
        match known {
            Some(name) => groups.push(DirectoryGroup {
                entry: entry.to_owned(),
                name,
            }),
            None => groups.extend(read(directory, settings, entry).await?),
        }
    }
    Ok(groups)
}

/// The group with this entry, if it is one of those that matter.
pub(super) async fn read(
    directory: &mut Directory,
    settings: &LdapSettings,
    entry: &str,
) -> Result<Option<DirectoryGroup>, DirectoryFailed> {
    if settings.group_base_dn.is_empty() || !is_below(entry, &settings.group_base_dn) {
        return Ok(None);
    }
    let search = DirectorySearch {
        base: entry,
        scope: DirectoryScope::Base,
        filter: &written(&settings.group_filter)?,
        attributes: &[&settings.group_name_attribute],
        limit: 1,
    };
    let found = directory.search(&search).await?;
    Ok(found.first().and_then(|entry| group(settings, entry)))
}

/// The first groups whose name has this text in it.
pub(super) async fn search(
    directory: &mut Directory,
    settings: &LdapSettings,
    text: &str,
) -> Result<Vec<DirectoryGroup>, DirectoryFailed> {
    let attribute = &settings.group_name_attribute;
    let named = match text {
        "" => Filter::Has(attribute.clone()),
        text => Filter::holds(attribute, text),
    };
    if settings.group_base_dn.is_empty() {
        return Ok(Vec::new());
    }
    below_base(directory, settings, named, MAX_FOUND).await
}

async fn below_base(
    directory: &mut Directory,
    settings: &LdapSettings,
    which: Filter,
    limit: usize,
) -> Result<Vec<DirectoryGroup>, DirectoryFailed> {
    let filter = Filter::All(vec![written(&settings.group_filter)?, which]);
    let search = DirectorySearch {
        base: &settings.group_base_dn,
        scope: DirectoryScope::Sub,
        filter: &filter,
        attributes: &[&settings.group_name_attribute],
        limit,
    };
    let found = directory.search(&search).await?;
    let groups = found.iter().filter_map(|entry| group(settings, entry));
    Ok(groups.collect())
}

fn group(settings: &LdapSettings, entry: &DirectoryEntry) -> Option<DirectoryGroup> {
    Some(DirectoryGroup {
        name: entry.text(&settings.group_name_attribute)?.to_owned(),
        entry: entry.name.clone(),
    })
}
