//! Invitations in the console: who is invited decides.

use super::{BOTH, Browser};
use crate::account_api::AccountApi as _;
use crate::registry::TestRegistry;

const INVITATIONS: &str = "/console/accounts/acme/invitations";
const OWN: &str = "/console/invitations";

/// Where the first form of a page goes whose path ends so.
fn action(page: &str, ending: &str) -> String {
    let actions = page.split("action=\"").skip(1);
    let mut actions = actions.filter_map(|rest| rest.split('"').next());
    let found = actions.find(|action| action.ends_with(ending));
    found
        .unwrap_or_else(|| panic!("no form goes to …{ending}: {page}"))
        .to_owned()
}

#[tokio::test]
async fn who_is_invited_accepts_declines_or_is_too_late() {
    for backends in BOTH {
        let registry = TestRegistry::builder().on(backends).start().await;
        let ann = registry.create_account("acme", "ann");
        let bob = registry.create_account("brew", "bob");
        registry.admin(&["--account", "acme", "namespace", "create", "team"]);
        let (host, guest) = (
            Browser::of(&registry, &ann).await,
            Browser::of(&registry, &bob).await,
        );
        assert!(host.page(INVITATIONS).await.contains("Nobody is invited"));
        assert!(guest.page(OWN).await.contains("No account invites you"));

        let form = [
            ("name", " bob "),
            ("role", "developer"),
            ("namespace", "team"),
            ("days", "2"),
        ];
        let invite = async || {
            let made = host.submit(INVITATIONS, &form).await.assert_status(303);
            let list = host.page(made.header("location")).await;
            assert!(
                list.contains("Saved.") && list.contains("<td>developer</td><td>team</td>"),
                "{list}"
            );
            action(&list, "/revoke")
        };
        let revoke = invite().await;
        let page = guest.page(OWN).await;
        assert!(page.contains("acme") && page.contains("Accept"), "{page}");
        let taken = host.submit(&revoke, &[]).await.assert_status(303);
        assert!(host.page(taken.header("location")).await.contains("Nobody"));
        // It is too late.
        let accept = action(&page, "/accept");
        guest.submit(&accept, &[]).await.assert_status(404);

        invite().await;
        let decline = action(&guest.page(OWN).await, "/decline");
        let gone = guest.submit(&decline, &[]).await.assert_status(303);
        let left = guest.page(gone.header("location")).await;
        assert!(left.contains("No account invites you"), "{left}");
        bob.v1_get("/accounts/acme").await.assert_status(404);

        invite().await;
        let accept = action(&guest.page(OWN).await, "/accept");
        // It is for bob, and for nobody else.
        host.submit(&accept, &[]).await.assert_status(404);
        let joined = guest.submit(&accept, &[]).await.assert_status(303);
        assert_eq!(joined.location(), "/console/accounts/acme?notice=saved");
        let inside = guest.page(joined.location().as_str()).await;
        assert!(inside.contains("acme"), "{inside}");
        let list = guest.page("/console/accounts/acme/namespaces").await;
        assert!(list.contains("team"), "{list}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_was_typed_stays() {
    const HOSTILE: &str = "\"><script>alert(1)</script>";
    let registry = TestRegistry::start().await;
    let ann = registry.create_account("acme", "ann");
    let host = Browser::of(&registry, &ann).await;
    for (name, role, namespace, days, said) in [
        ("bob", "developer", "", "31", "1 to 30 days"),
        ("bob", "developer", "", "soon", "from 1 to 30"),
        ("", "developer", "", "7", "1 to 255 bytes"),
        ("bob", HOSTILE, "", "7", "does not exist"),
        ("bob", "developer", HOSTILE, "7", "does not exist"),
        (HOSTILE, "developer", "", HOSTILE, "from 1 to 30"),
    ] {
        let form = [
            ("name", name),
            ("role", role),
            ("namespace", namespace),
            ("days", days),
        ];
        let refused = host.submit(INVITATIONS, &form).await;
        let page = refused.assert_status(422).text();
        assert!(page.contains(said), "{said}: {page}");
        assert!(!page.contains("<script>alert"), "{page}");
        if name == "bob" {
            assert!(page.contains("value=\"bob\""), "{page}");
        }
    }
    assert!(host.page(INVITATIONS).await.contains("Nobody is invited"));
}
