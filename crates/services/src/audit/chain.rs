//! How one event follows the one before.

use metadata::EventRow;
use model::AccountId;
use oci::Digest;

/// Begins every text that is hashed here, so that none can be taken for another's.
const PURPOSE: &str = "roadstead event 1";

/// An event's link: SHA-256, in hexadecimal digits, over the link before and everything that the event says, each part with
/// its length before it, so that no two events come to one text. `previous` is empty for the first.
pub(crate) fn link(
    previous: &str,
    owner: Option<&AccountId>,
    number: i64,
    event: &EventRow,
) -> String {
    let mut text = Vec::with_capacity(512);
    let mut add = |part: Option<&str>| match part {
        None => text.push(0),
        Some(part) => {
            text.push(1);
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
    };
    add(Some(PURPOSE));
    add(Some(previous));
    add(owner.map(AccountId::as_str));
    add(Some(&number.to_string()));
    add(Some(&event.id));
    add(Some(&event.at_ms.to_string()));
    add(Some(&event.kind));
    add(Some(&event.caller));
    add(Some(&event.credential));
    add(event.address.as_deref());
    add(event.agent.as_deref());
    add(event.resource.as_deref());
    add(event.namespace_id.as_ref().map(model::NamespaceId::as_str));
    add(Some(&event.payload));
    let digest = Digest::sha256_of(&text);
    let (_, hash) = digest.as_str().split_once(':').unwrap_or_default();
    hash.to_owned()
}

#[cfg(test)]
mod tests {
    use super::link;
    use metadata::EventRow;
    use model::{AccountId, NamespaceId};

    fn event() -> EventRow {
        EventRow {
            id: "1".to_owned(),
            number: None,
            hash: None,
            kind: "tag.put".to_owned(),
            caller: "alice".to_owned(),
            credential: "password".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            agent: None,
            resource: None,
            namespace_id: None,
            payload: "{}".to_owned(),
            at_ms: 5,
        }
    }

    /// Whatever is changed, and wherever one part's end is moved into the next.
    #[test]
    fn every_part_counts_and_so_do_their_borders() {
        let account = AccountId::new("a");
        let text = |text: &str| Some(text.to_owned());
        let changes: [fn(&mut EventRow); 11] = [
            |event| event.id = "2".to_owned(),
            |event| event.at_ms = 6,
            |event| event.kind = "tag.pu".to_owned(),
            |event| event.caller = "alic".to_owned(),
            |event| (event.kind, event.caller) = ("tag.puta".to_owned(), "lice".to_owned()),
            |event| event.credential = "none".to_owned(),
            |event| event.address = None,
            |event| (event.address, event.agent) = (None, Some("192.0.2.1".to_owned())),
            |event| event.resource = Some(String::new()),
            |event| event.namespace_id = Some(NamespaceId::new("n")),
            |event| event.payload = "{ }".to_owned(),
        ];
        let original = link("", Some(&account), 1, &event());
        let mut links = vec![
            original.clone(),
            link("0", Some(&account), 1, &event()),
            link("", None, 1, &event()),
            link("", Some(&account), 2, &event()),
        ];
        for change in changes {
            let mut changed = event();
            change(&mut changed);
            links.push(link("", Some(&account), 1, &changed));
        }
        let mut agent = event();
        agent.agent = text("curl");
        links.push(link("", Some(&account), 1, &agent));
        let count = links.len();
        links.sort_unstable();
        links.dedup();
        assert_eq!(links.len(), count);
        // A chain that was made by one release is proven by the next.
        let expected = "dce2756c5764c98239b0a41951bfa0462824d2e4917f1f71b808608b9cc3db0b";
        assert_eq!(original, expected);
    }
}
